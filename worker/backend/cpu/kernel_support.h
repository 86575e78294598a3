// What the kernels of all operator families share.
#pragma once

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/backend/backend.h"

namespace quantd::cpu {

using Inputs = std::vector<const Tensor*>;
using KernelFunction = std::function<absl::Status(const Inputs&, Outputs&)>;

// What a kernel takes. What it does not take never reaches it: the dispatcher casts it or refuses it, so a kernel that
// copies bytes may count on SizeOf() > 0, and one for tensors cannot meet a sequence.
enum class Takes : uint8_t {
  kFloat32,  // Tensors of numbers, computed in float32: float64, float16 and bfloat16 inputs are cast before it,
             // and its float32 outputs are cast to the type of the node's first floating-point input.
  kFloats,   // The same, but it computes in float64 itself.
  kNumbers,  // Tensors of numbers as they come, none cast: it moves bytes, or handles every type itself.
  kPacked,   // The same, and packed integers (IsPacked).
  kStrings,  // The same, and tensors of strings.
  kValues,   // Everything: sequences and absent optional values too.
};

// One row of an operator family's table: from opset `since` on, until a later row of the same operator.
struct KernelEntry {
  absl::string_view op_type;
  int64_t since;  // Of the domain.
  absl::StatusOr<std::unique_ptr<Kernel>> (*make)(const KernelContext& context);
  absl::string_view domain = "";  // "" is ONNX, "com.microsoft", or "quantd" for what rewrites make.
  Takes takes = Takes::kFloat32;
};

std::unique_ptr<Kernel> MakeKernelFrom(KernelFunction function);

// INVALID_ARGUMENT with reason BAD_SHAPE, BAD_INDEX, BAD_ATTRIBUTE or UNSUPPORTED_TYPE.
absl::Status BadShape(absl::string_view message);
absl::Status BadIndex(absl::string_view message);
absl::Status BadAttribute(absl::string_view message);
absl::Status BadType(const Tensor& tensor, absl::string_view expected);

absl::Status RequireInput(const Inputs& inputs, size_t index);
// The first `count` inputs are there.
absl::Status RequireInputs(const Inputs& inputs, size_t count);
// Input `index` is there and float.
absl::Status RequireFloat(const Inputs& inputs, size_t index);

// The number cut to an integer. Outside of the type's range the conversion would be undefined: saturates; NaN becomes 0.
template <typename T>
T Saturated(double x) {
  if (std::isnan(x)) return T(0);
  if (x <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
  if (x >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  return static_cast<T>(x);
}

// `axis` in [-rank, rank) as [0, rank).
absl::StatusOr<size_t> NormalizeAxis(int64_t axis, size_t rank);

// A tensor of that shape, or BAD_SHAPE when it is too large. Not of the run's memory, and so beyond its bounds: what
// becomes an output, or is as large as one, is made by Outputs::Make().
absl::StatusOr<Tensor> MakeOutput(DataType dtype, const Shape& shape);

// The values of an integer tensor (int32 or int64).
absl::StatusOr<std::vector<int64_t>> Integers(const Tensor& tensor);

// NumPy broadcasting of two shapes, or BAD_SHAPE.
absl::StatusOr<Shape> BroadcastShape(const Shape& a, const Shape& b);

// Element strides of `shape` within `target` (broadcast extents get 0). REQUIRES: broadcastable.
std::vector<int64_t> BroadcastStrides(const Shape& shape, const Shape& target);

std::vector<int64_t> RowMajorStrides(const Shape& shape);

// Calls visit(offsets) for each position of `shape` but its last axis, in row-major order, with one element
// offset per set of strides.
void ForEachRow(const Shape& shape, const std::vector<std::vector<int64_t>>& strides,
                const std::function<void(const std::vector<int64_t>& offsets)>& visit);

std::span<const KernelEntry> ConvolutionKernels();
std::span<const KernelEntry> MatrixKernels();
std::span<const KernelEntry> PoolKernels();
std::span<const KernelEntry> ChannelsLastPoolKernels();
std::span<const KernelEntry> IntegerLayerKernels();
std::span<const KernelEntry> NormalizationKernels();
std::span<const KernelEntry> SoftmaxKernels();
std::span<const KernelEntry> UnaryKernels();
std::span<const KernelEntry> BinaryKernels();
std::span<const KernelEntry> ShapeKernels();
std::span<const KernelEntry> IndexKernels();
std::span<const KernelEntry> ReduceKernels();
std::span<const KernelEntry> QuantizeLinearKernels();
std::span<const KernelEntry> IntegerMatrixKernels();
std::span<const KernelEntry> IntegerConvolutionKernels();
std::span<const KernelEntry> MatMulNBitsKernels();

// The operators of neural networks that have no faster home.
std::span<const KernelEntry> ConvTransposeKernels();
std::span<const KernelEntry> MaxPoolIndexKernels();
std::span<const KernelEntry> LpPoolKernels();
std::span<const KernelEntry> BatchNormalizationKernels();
std::span<const KernelEntry> ChannelNormalizationKernels();
std::span<const KernelEntry> DropoutKernels();
std::span<const KernelEntry> PReluKernels();
std::span<const KernelEntry> DepthSpaceKernels();
std::span<const KernelEntry> LossKernels();
std::span<const KernelEntry> NonMaxSuppressionKernels();
std::span<const KernelEntry> ResizeKernels();
std::span<const KernelEntry> GridSampleKernels();
std::span<const KernelEntry> RoiKernels();
std::span<const KernelEntry> RecurrentKernels();
std::span<const KernelEntry> SpectrumKernels();
std::span<const KernelEntry> WindowFunctionKernels();
std::span<const KernelEntry> PatchKernels();
std::span<const KernelEntry> EinsumKernels();
std::span<const KernelEntry> MicrosoftKernels();

// Operators of domain "quantd", which only rewrites make.
std::span<const KernelEntry> AttentionKernels();
std::span<const KernelEntry> FusedLayerKernels();
std::span<const KernelEntry> FusedMatMulKernels();

}  // namespace quantd::cpu
