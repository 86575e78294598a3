// DepthToSpace and SpaceToDepth: elements of any type change places between channels and the plane.
#include <array>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

// Far above any real block; its square cannot overflow.
constexpr int64_t kBlockMax = int64_t{1} << 20;

// Six axes, moved to other places.
using SixAxes = std::array<int64_t, 6>;

// Writes the elements of `x`, seen as `shape`, in the order of the axes `order`.
void Permute(const Tensor& x, const SixAxes& shape, const std::array<size_t, 6>& order, Tensor& out) {
  SixAxes strides{}, extents{}, steps{};
  int64_t stride = 1;
  for (size_t i = 6; i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  for (size_t i = 0; i < 6; ++i) {
    extents[i] = shape[order[i]];
    steps[i] = strides[order[i]];
  }
  const size_t width = SizeOf(x.dtype());
  const char* from = static_cast<const char*>(x.raw());
  char* to = static_cast<char*>(out.mutable_raw());
  SixAxes at{};
  for (int64_t i = 0; i < x.size(); ++i) {
    int64_t offset = 0;
    for (size_t axis = 0; axis < 6; ++axis) offset += at[axis] * steps[axis];
    std::memcpy(to, from + static_cast<size_t>(offset) * width, width);
    to += width;
    for (size_t axis = 6; axis-- > 0;) {
      if (++at[axis] < extents[axis]) break;
      at[axis] = 0;
    }
  }
}

absl::StatusOr<int64_t> BlockSize(const Node& node) {
  const int64_t block = node.Int("blocksize", 0);
  if (block < 1 || block > kBlockMax) return BadAttribute(absl::StrCat("blocksize is ", block));
  return block;
}

Maker MakeDepthToSpace(const KernelContext& context) {
  ASSIGN_OR_RETURN(const int64_t block, BlockSize(context.node));
  const std::string mode = context.node.String("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") return BadAttribute(absl::StrCat("mode is '", mode, "'"));
  return MakeKernelFrom([block, mode](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    const Tensor& x = *inputs[0];
    if (x.rank() != 4 || x.dim(1) % (block * block) != 0) {
      return BadShape(absl::StrCat("DepthToSpace by ", block, " does not take ", ShapeString(x.shape())));
    }
    const int64_t n = x.dim(0), depth = x.dim(1) / (block * block), h = x.dim(2), w = x.dim(3);
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(x.dtype(), {n, depth, h * block, w * block}));
    // To [N, C, H, block row, W, block column], from where each mode keeps the block.
    if (mode == "DCR") {
      Permute(x, {n, block, block, depth, h, w}, {0, 3, 4, 1, 5, 2}, out);
    } else {
      Permute(x, {n, depth, block, block, h, w}, {0, 1, 4, 2, 5, 3}, out);
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

Maker MakeSpaceToDepth(const KernelContext& context) {
  ASSIGN_OR_RETURN(const int64_t block, BlockSize(context.node));
  return MakeKernelFrom([block](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    const Tensor& x = *inputs[0];
    if (x.rank() != 4 || x.dim(2) % block != 0 || x.dim(3) % block != 0) {
      return BadShape(absl::StrCat("SpaceToDepth by ", block, " does not take ", ShapeString(x.shape())));
    }
    const int64_t n = x.dim(0), c = x.dim(1), h = x.dim(2) / block, w = x.dim(3) / block;
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(x.dtype(), {n, c * block * block, h, w}));
    Permute(x, {n, c, h, block, w, block}, {0, 3, 5, 1, 2, 4}, out);
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {
    {"DepthToSpace", 1, &MakeDepthToSpace, "", Takes::kNumbers},
    {"SpaceToDepth", 1, &MakeSpaceToDepth, "", Takes::kNumbers},
};

}  // namespace

std::span<const KernelEntry> DepthSpaceKernels() { return kEntries; }

}  // namespace quantd::cpu
