// Col2Im and CenterCropPad.
#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/backend/cpu/window.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

constexpr int64_t kExtentMax = int64_t{1} << 31;

absl::StatusOr<std::vector<int64_t>> Extents(const Inputs& inputs, size_t index, absl::string_view what) {
  RETURN_IF_ERROR(RequireInput(inputs, index));
  ASSIGN_OR_RETURN(std::vector<int64_t> values, Integers(*inputs[index]));
  for (const int64_t value : values) {
    if (value < 1 || value > kExtentMax) return BadShape(absl::StrCat(what, " holds ", value));
  }
  return values;
}

// Steps `at` to the next position of `shape` in row-major order.
void Advance(const std::vector<int64_t>& shape, std::vector<int64_t>& at) {
  for (size_t axis = shape.size(); axis-- > 0;) {
    if (++at[axis] < shape[axis]) return;
    at[axis] = 0;
  }
}

// Adds the blocks of one channel, [taps, positions], to its plane.
void AddBlocks(const Window& w, const std::vector<int64_t>& image, int64_t taps, int64_t positions, const float* x,
               std::vector<double>& plane) {
  const size_t rank = image.size();
  std::vector<int64_t> tap(rank, 0);
  for (int64_t t = 0; t < taps; ++t, Advance(w.kernel, tap)) {
    std::vector<int64_t> position(rank, 0);
    for (int64_t p = 0; p < positions; ++p, Advance(w.output, position)) {
      int64_t offset = 0;
      bool inside = true;
      for (size_t axis = 0; axis < rank; ++axis) {
        const int64_t at = position[axis] * w.strides[axis] - w.pads_begin[axis] + tap[axis] * w.dilations[axis];
        inside &= at >= 0 && at < image[axis];
        offset = offset * image[axis] + at;
        if (!inside) break;
      }
      if (inside) plane[static_cast<size_t>(offset)] += x[t * positions + p];
    }
  }
}

Maker MakeCol2Im(const KernelContext& context) {
  return MakeKernelFrom([node = context.node](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    const Tensor& x = *inputs[0];
    ASSIGN_OR_RETURN(const std::vector<int64_t> image, Extents(inputs, 1, "image_shape"));
    ASSIGN_OR_RETURN(const std::vector<int64_t> block, Extents(inputs, 2, "block_shape"));
    if (image.empty()) return BadShape("Col2Im needs an image of one axis or more");
    // The blocks lie as the windows of a pool over the image would.
    ASSIGN_OR_RETURN(const Window window, ResolveWindow(node, block, image, false));
    ASSIGN_OR_RETURN(const int64_t taps, CheckedElementCount(block));
    ASSIGN_OR_RETURN(const int64_t positions, CheckedElementCount(window.output));
    if (x.rank() != 3 || x.dim(1) % taps != 0 || x.dim(2) != positions) {
      return BadShape(absl::StrCat("Col2Im does not take ", ShapeString(x.shape()), " for blocks of ",
                                   ShapeString(block), " at ", positions, " positions"));
    }
    const int64_t channels = x.dim(1) / taps;
    Shape shape = {x.dim(0), channels};
    shape.insert(shape.end(), image.begin(), image.end());
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, shape));
    const int64_t plane = out.size() == 0 ? 0 : out.size() / (x.dim(0) * channels);
    std::vector<double> sums(static_cast<size_t>(plane));
    for (int64_t c = 0; plane > 0 && c < x.dim(0) * channels; ++c) {
      std::fill(sums.begin(), sums.end(), 0.0);
      AddBlocks(window, image, taps, positions, x.data<float>() + c * taps * positions, sums);
      std::transform(sums.begin(), sums.end(), out.mutable_data<float>() + c * plane,
                     [](double sum) { return static_cast<float>(sum); });
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

// Along each axis: the middle of what is too long, zeros around what is too short.
void CopyMiddle(const Tensor& x, const std::vector<int64_t>& from, const std::vector<int64_t>& to, Tensor& out) {
  const size_t width = SizeOf(x.dtype());
  std::memset(out.mutable_raw(), 0, out.bytes());
  Shape common;
  for (size_t i = 0; i < x.rank(); ++i) common.push_back(std::min(x.dim(i), out.dim(i)));
  const std::vector<int64_t> in_strides = RowMajorStrides(x.shape()), out_strides = RowMajorStrides(out.shape());
  int64_t in_begin = 0, out_begin = 0;
  for (size_t i = 0; i < x.rank(); ++i) {
    in_begin += from[i] * in_strides[i];
    out_begin += to[i] * out_strides[i];
  }
  const size_t run = static_cast<size_t>(common.empty() ? 1 : common.back()) * width;
  ForEachRow(common, {in_strides, out_strides}, [&](const std::vector<int64_t>& at) {
    std::memcpy(static_cast<char*>(out.mutable_raw()) + static_cast<size_t>(out_begin + at[1]) * width,
                static_cast<const char*>(x.raw()) + static_cast<size_t>(in_begin + at[0]) * width, run);
  });
}

Maker MakeCenterCropPad(const KernelContext& context) {
  return MakeKernelFrom([given = context.node.Ints("axes"), listed = context.node.Has("axes")](
                            const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 2));
    const Tensor& x = *inputs[0];
    ASSIGN_OR_RETURN(const std::vector<int64_t> wanted, Integers(*inputs[1]));
    std::vector<int64_t> axes = given;
    for (size_t i = 0; !listed && i < x.rank(); ++i) axes.push_back(static_cast<int64_t>(i));
    if (wanted.size() != axes.size()) {
      return BadShape(absl::StrCat("the shape of CenterCropPad has ", wanted.size(), " values, expected ", axes.size()));
    }
    Shape shape = x.shape();
    std::vector<int64_t> from(x.rank(), 0), to(x.rank(), 0);
    for (size_t i = 0; i < axes.size(); ++i) {
      ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(axes[i], x.rank()));
      shape[axis] = wanted[i];
    }
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(x.dtype(), shape));
    for (size_t axis = 0; axis < x.rank(); ++axis) {
      from[axis] = std::max<int64_t>(x.dim(axis) - shape[axis], 0) / 2;
      to[axis] = std::max<int64_t>(shape[axis] - x.dim(axis), 0) / 2;
    }
    CopyMiddle(x, from, to, out);
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {{"Col2Im", 18, &MakeCol2Im},
                                    {"CenterCropPad", 18, &MakeCenterCropPad, "", Takes::kNumbers}};

}  // namespace

std::span<const KernelEntry> PatchKernels() { return kEntries; }

}  // namespace quantd::cpu
