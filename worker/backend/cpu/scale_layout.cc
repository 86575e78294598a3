#include "worker/backend/cpu/scale_layout.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

absl::Status Misfit(const Shape& shape, const Shape& scales, size_t axis, int64_t block_size) {
  return BadShape(absl::StrCat("scales of shape ", ShapeString(scales), " do not fit axis ", axis, " of ",
                               ShapeString(shape),
                               block_size > 0 ? absl::StrCat(" in blocks of ", block_size) : ""));
}

}  // namespace

absl::StatusOr<ScaleLayout> LayoutOfScales(const Shape& shape, const Shape& scales, int64_t axis,
                                           int64_t block_size) {
  ScaleLayout layout;
  if (block_size == 0 && scales.size() <= 1 && (scales.empty() || scales[0] == 1)) {
    for (const int64_t extent : shape) layout.inner *= extent;
    return layout;
  }
  if (block_size == 0 && scales.size() != 1) {
    return BadShape(absl::StrCat("scales of shape ", ShapeString(scales), " need a block_size"));
  }
  ASSIGN_OR_RETURN(const size_t at, NormalizeAxis(axis, shape.size()));
  layout.extent = shape[at];
  for (size_t i = 0; i < at; ++i) layout.outer *= shape[i];
  for (size_t i = at + 1; i < shape.size(); ++i) layout.inner *= shape[i];
  if (block_size == 0) {
    layout.granularity = ScaleLayout::Granularity::kAxis;
    if (scales[0] != layout.extent) return Misfit(shape, scales, at, 0);
    return layout;
  }
  layout.granularity = ScaleLayout::Granularity::kBlocks;
  layout.block_size = block_size;
  layout.blocks = layout.extent / block_size + (layout.extent % block_size != 0 ? 1 : 0);
  Shape expected = shape;
  expected[at] = layout.blocks;
  if (scales != expected) return Misfit(shape, scales, at, block_size);
  return layout;
}

}  // namespace quantd::cpu
