#include "worker/backend/cpu/integer_codes.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/onednn.h"

namespace quantd::cpu {
namespace {

// So many products of codes add up exactly in a float, in any order: 256 * 255 * 255 < 2^24.
constexpr int64_t kExactTerms = 256;

absl::Status CheckCount(const Tensor& tensor, int64_t channels) {
  const bool one = tensor.size() == 1 && tensor.rank() <= 1;
  const bool vector = tensor.rank() == 1 && tensor.size() == channels;
  if (one || vector) return absl::OkStatus();
  return BadShape(absl::StrCat("scales and zero points of shape ", ShapeString(tensor.shape()), ", expected one or [",
                               channels, "]"));
}

}  // namespace

absl::Status RequireBytes(const Inputs& inputs, size_t index) {
  RETURN_IF_ERROR(RequireInput(inputs, index));
  const DataType type = inputs[index]->dtype();
  if (type == DataType::kUint8 || type == DataType::kInt8) return absl::OkStatus();
  return BadType(*inputs[index], "uint8 or int8");
}

absl::StatusOr<std::vector<int32_t>> ZeroPoints(const Inputs& inputs, size_t index, size_t codes_index,
                                                int64_t channels) {
  if (index >= inputs.size() || inputs[index] == nullptr) return std::vector<int32_t>{0};
  const Tensor& zero_points = *inputs[index];
  if (zero_points.dtype() != inputs[codes_index]->dtype()) {
    return BadType(zero_points, DataTypeName(inputs[codes_index]->dtype()) + " like the codes");
  }
  RETURN_IF_ERROR(CheckCount(zero_points, channels));
  std::vector<int32_t> values;
  for (int64_t i = 0; i < zero_points.size(); ++i) values.push_back(CodeAt(zero_points, i));
  return values;
}

absl::StatusOr<std::vector<float>> Scales(const Inputs& inputs, size_t index, int64_t channels) {
  RETURN_IF_ERROR(RequireFloat(inputs, index));
  RETURN_IF_ERROR(CheckCount(*inputs[index], channels));
  const float* values = inputs[index]->data<float>();
  return std::vector<float>(values, values + inputs[index]->size());
}

uint8_t Requantize(int32_t sum, float multiplier, int32_t zero_point, DataType type) {
  const bool is_signed = type == DataType::kInt8;
  const auto lo = static_cast<float>((is_signed ? -128 : 0) - zero_point);
  const auto hi = static_cast<float>((is_signed ? 127 : 255) - zero_point);
  const float scaled = static_cast<float>(sum) * multiplier;
  // NaN ends at the lower limit.
  const float limited = scaled > lo ? (scaled < hi ? scaled : hi) : lo;
  return static_cast<uint8_t>(static_cast<int32_t>(std::nearbyintf(limited)) + zero_point);
}

absl::Status IntegerProduct::Run(const Tensor& a, int64_t a_offset, const Tensor& b, int64_t b_offset, int32_t* c) const {
  std::fill_n(c, m * n, 0);  // Sums start from memory of any content.
  const int64_t depth = std::min(k, kExactTerms);
  std::vector<float> a_part(static_cast<size_t>(m * depth)), b_part(static_cast<size_t>(depth * n));
  std::vector<float> sums(static_cast<size_t>(m * n));
  for (int64_t begin = 0; begin < k; begin += depth) {
    const int64_t terms = std::min(depth, k - begin);
    for (int64_t i = 0; i < m; ++i) {
      const int32_t zero = OfChannel(a_zero, i);
      float* const row = a_part.data() + i * terms;
      for (int64_t p = 0; p < terms; ++p) row[p] = static_cast<float>(CodeAt(a, a_offset + i * k + begin + p) - zero);
    }
    for (int64_t p = 0; p < terms; ++p) {
      float* const row = b_part.data() + p * n;
      for (int64_t j = 0; j < n; ++j) {
        row[j] = static_cast<float>(CodeAt(b, b_offset + (begin + p) * n + j) - OfChannel(b_zero, j));
      }
    }
    RETURN_IF_ERROR(MatrixProduct(false, false, m, n, terms, 1, a_part.data(), b_part.data(), 0, sums.data()));
    for (int64_t i = 0; i < m * n; ++i) {
      // Modulo 2^32.
      c[i] = static_cast<int32_t>(static_cast<uint32_t>(c[i]) +
                                  static_cast<uint32_t>(static_cast<int32_t>(sums[static_cast<size_t>(i)])));
    }
  }
  return absl::OkStatus();
}

}  // namespace quantd::cpu
