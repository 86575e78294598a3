#include "worker/backend/cpu/integer_codes.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace quantd::cpu {
namespace {

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

void IntegerProduct::Run(const Tensor& a, int64_t a_offset, const Tensor& b, int64_t b_offset, int32_t* c) const {
  std::fill_n(c, m * n, 0);  // Sums start from memory of any content.
  std::vector<int32_t> row(static_cast<size_t>(n));
  for (int64_t p = 0; p < k; ++p) {
    for (int64_t j = 0; j < n; ++j) {
      row[static_cast<size_t>(j)] = CodeAt(b, b_offset + p * n + j) - OfChannel(b_zero, j);
    }
    for (int64_t i = 0; i < m; ++i) {
      const int32_t x = CodeAt(a, a_offset + i * k + p) - OfChannel(a_zero, i);
      if (x == 0) continue;
      int32_t* sums = c + i * n;
      // |x * row| <= 255 * 255 fits; the sum is taken modulo 2^32.
      for (int64_t j = 0; j < n; ++j) {
        sums[j] = static_cast<int32_t>(static_cast<uint32_t>(sums[j]) +
                                       static_cast<uint32_t>(x * row[static_cast<size_t>(j)]));
      }
    }
  }
}

}  // namespace quantd::cpu
