// com.microsoft.MatMulNBits: Y = A W^T (+ bias) with W stored as codes of 2, 4 or 8 bits in blocks along K.
//
// B is [N, blocks, block_size * bits / 8], a row of W after the other; a code's place in its byte counts from the low bits.
// w = (code - zero_point) * scale. The weights are dequantized once when they are constant.
#include <cstdint>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/backend/cpu/onednn.h"
#include "worker/formats/convert_tensor.h"

namespace quantd::cpu {
namespace {

struct Problem {
  int64_t k = 0;
  int64_t n = 0;
  int64_t block_size = 0;
  int bits = 4;

  int64_t blocks() const { return (k + block_size - 1) / block_size; }
  int64_t block_bytes() const { return block_size * bits / 8; }
  int64_t zero_row_bytes() const { return (blocks() * bits + 7) / 8; }
};

constexpr int64_t kBlockSizeMax = int64_t{1} << 30;

absl::StatusOr<Problem> ReadAttributes(const Node& node) {
  Problem problem{.k = node.Int("K", 0), .n = node.Int("N", 0), .block_size = node.Int("block_size", 0),
                  .bits = static_cast<int>(node.Int("bits", 4))};
  if (problem.bits != 2 && problem.bits != 4 && problem.bits != 8) {
    return BadAttribute(absl::StrCat("bits is ", problem.bits, ", but must be 2, 4 or 8"));
  }
  if (problem.block_size < 16 || problem.block_size > kBlockSizeMax ||
      (problem.block_size & (problem.block_size - 1)) != 0) {
    return BadAttribute(absl::StrCat("block_size is ", problem.block_size, ", but must be a power of two, 16 or more"));
  }
  if (problem.k < 1 || problem.n < 1 || problem.k > kTensorElementsMax || problem.n > kTensorElementsMax / problem.k) {
    return BadAttribute(absl::StrCat("K is ", problem.k, " and N is ", problem.n, ", which is no weight"));
  }
  return problem;
}

int CodeAt(const uint8_t* bytes, int64_t i, int bits) {
  return bytes[i * bits / 8] >> (i * bits % 8) & ((1 << bits) - 1);
}

absl::Status CheckWeight(const Problem& problem, const Inputs& inputs) {
  for (const size_t weight : {1, 2}) RETURN_IF_ERROR(RequireInput(inputs, weight));
  const Tensor& codes = *inputs[1];
  if (codes.dtype() != DataType::kUint8) return BadType(codes, "uint8 for B");
  if (codes.size() != problem.n * problem.blocks() * problem.block_bytes()) {
    return BadShape(absl::StrCat("B has shape ", ShapeString(codes.shape()), ", expected [", problem.n, ",",
                                 problem.blocks(), ",", problem.block_bytes(), "]"));
  }
  if (inputs[2]->size() != problem.n * problem.blocks()) {
    return BadShape(absl::StrCat("scales of shape ", ShapeString(inputs[2]->shape()), ", expected [", problem.n, ",",
                                 problem.blocks(), "]"));
  }
  const Tensor* zero_points = inputs.size() > 3 ? inputs[3] : nullptr;
  if (zero_points != nullptr) {
    const int64_t expected = zero_points->dtype() == DataType::kUint8 ? problem.n * problem.zero_row_bytes()
                                                                      : problem.n * problem.blocks();
    if (zero_points->size() != expected) {
      return BadShape(absl::StrCat("zero points of shape ", ShapeString(zero_points->shape()), ", expected ", expected,
                                   " of ", DataTypeName(zero_points->dtype())));
    }
  }
  if (inputs.size() > 4 && inputs[4] != nullptr) return BadAttribute("g_idx is not supported");
  return absl::OkStatus();
}

// W as float32 [N, K].
absl::StatusOr<Tensor> Dequantize(const Problem& problem, const Inputs& inputs) {
  RETURN_IF_ERROR(CheckWeight(problem, inputs));
  const auto* codes = static_cast<const uint8_t*>(inputs[1]->raw());
  ASSIGN_OR_RETURN(const Tensor scales, ToFloat32(*inputs[2]));
  const Tensor* zero_points = inputs.size() > 3 ? inputs[3] : nullptr;
  Tensor float_zeros;
  if (zero_points != nullptr && zero_points->dtype() != DataType::kUint8) {
    ASSIGN_OR_RETURN(float_zeros, ToFloat32(*zero_points));
  }
  const auto zero_at = [&](int64_t row, int64_t block) -> float {
    if (zero_points == nullptr) return static_cast<float>(1 << (problem.bits - 1));
    if (float_zeros.defined()) return float_zeros.data<float>()[row * problem.blocks() + block];
    const auto* bytes = static_cast<const uint8_t*>(zero_points->raw()) + row * problem.zero_row_bytes();
    return static_cast<float>(CodeAt(bytes, block, problem.bits));
  };
  Tensor weight(DataType::kFloat, {problem.n, problem.k});
  float* w = weight.mutable_data<float>();
  for (int64_t row = 0; row < problem.n; ++row) {
    for (int64_t block = 0; block < problem.blocks(); ++block) {
      const uint8_t* bytes = codes + (row * problem.blocks() + block) * problem.block_bytes();
      const float scale = scales.data<float>()[row * problem.blocks() + block];
      const float zero = zero_at(row, block);
      const int64_t begin = block * problem.block_size;
      for (int64_t i = 0; i < std::min(problem.block_size, problem.k - begin); ++i) {
        w[row * problem.k + begin + i] = (static_cast<float>(CodeAt(bytes, i, problem.bits)) - zero) * scale;
      }
    }
  }
  return weight;
}

class MatMulNBits final : public Kernel {
 public:
  MatMulNBits(const Problem& problem, Tensor weight) : problem_(problem), weight_(std::move(weight)) {}

  absl::Status Run(const Inputs& inputs, Outputs& outputs) const override {
    RETURN_IF_ERROR(RequireInput(inputs, 0));
    Tensor weight = weight_;
    if (!weight.defined()) {
      ASSIGN_OR_RETURN(weight, Dequantize(problem_, inputs));
    }
    const DataType type = inputs[0]->dtype();
    if (type != DataType::kFloat && type != DataType::kFloat16 && type != DataType::kBfloat16) {
      return BadType(*inputs[0], "float, float16 or bfloat16");
    }
    ASSIGN_OR_RETURN(const Tensor x, ToFloat32(*inputs[0]));
    if (x.rank() == 0 || x.shape().back() != problem_.k) {
      return BadShape(absl::StrCat("A has shape ", ShapeString(x.shape()), ", but K is ", problem_.k));
    }
    Shape shape = x.shape();
    shape.back() = problem_.n;
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, shape));
    float* y = out.mutable_data<float>();
    const int64_t rows = x.size() / problem_.k;
    if (rows > 0) {
      RETURN_IF_ERROR(MatrixProduct(false, true, rows, problem_.n, problem_.k, 1, x.data<float>(),
                                    weight.data<float>(), 0, y));
    }
    if (inputs.size() > 5 && inputs[5] != nullptr) {
      ASSIGN_OR_RETURN(const Tensor bias, ToFloat32(*inputs[5]));
      if (bias.size() != problem_.n) return BadShape(absl::StrCat("the bias must have ", problem_.n, " elements"));
      for (int64_t i = 0; i < out.size(); ++i) y[i] += bias.data<float>()[i % problem_.n];
    }
    if (type == DataType::kFloat) {
      outputs[0] = std::move(out);
    } else {
      ASSIGN_OR_RETURN(outputs[0], FromFloat32(out, type, Overflow::kSpecial));
    }
    return absl::OkStatus();
  }

 private:
  const Problem problem_;
  const Tensor weight_;  // Undefined where codes, scales or zero points are computed at run time.
};

absl::StatusOr<std::unique_ptr<Kernel>> MakeMatMulNBits(const KernelContext& context) {
  ASSIGN_OR_RETURN(const Problem problem, ReadAttributes(context.node));
  Inputs inputs;
  bool constant = context.node.inputs.size() >= 3;
  for (size_t i = 0; i < context.node.inputs.size(); ++i) {
    const bool given = !context.node.inputs[i].empty();
    const bool is_weight = i >= 1 && i <= 4;
    if (is_weight && given) constant &= context.constants[i].defined();
    inputs.push_back(given && context.constants[i].defined() ? &context.constants[i] : nullptr);
  }
  Tensor weight;
  if (constant) {
    ASSIGN_OR_RETURN(weight, Dequantize(problem, inputs));
  }
  return std::make_unique<MatMulNBits>(problem, std::move(weight));
}

constexpr KernelEntry kEntries[] = {{"MatMulNBits", 1, &MakeMatMulNBits, "com.microsoft"}};

}  // namespace

std::span<const KernelEntry> MatMulNBitsKernels() { return kEntries; }

}  // namespace quantd::cpu
