// MaxPool that also says where each maximum lies, or over 8-bit integers; and its inverse, MaxUnpool. The plain float pool
// is in pool.cc.
#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/max_pool_index.h"
#include "worker/backend/cpu/window.h"

namespace quantd::cpu {
namespace {

// Walks one plane. Indices count through the whole tensor, row-major, or column-major within each plane.
template <typename T>
void MaxPlane(const Window& w, const std::vector<int64_t>& in, int64_t base, bool column_major, const T* x, T* y,
              int64_t* indices) {
  const auto index_of = [&](int64_t d, int64_t r, int64_t c) {
    return base + (column_major ? d + in[0] * (r + in[1] * c) : (d * in[1] + r) * in[2] + c);
  };
  constexpr T kLowest = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                              : std::numeric_limits<T>::lowest();
  // The taps of one axis that lie inside of the input, as a range of the kernel.
  const auto taps = [&](size_t axis, int64_t out) {
    const int64_t begin = out * w.strides[axis] - w.pads_begin[axis], step = w.dilations[axis];
    const int64_t first = begin >= 0 ? 0 : (-begin + step - 1) / step;
    const int64_t room = in[axis] - 1 - begin;
    const int64_t last = room < 0 ? -1 : std::min(w.kernel[axis] - 1, room / step);
    return std::pair(begin + first * step, begin + last * step);
  };
  int64_t at = 0;
  for (int64_t i = 0; i < w.output[0]; ++i) {
    const auto [d0, d1] = taps(0, i);
    for (int64_t j = 0; j < w.output[1]; ++j) {
      const auto [r0, r1] = taps(1, j);
      for (int64_t k = 0; k < w.output[2]; ++k, ++at) {
        const auto [c0, c1] = taps(2, k);
        T highest = kLowest;
        int64_t where = -1;
        for (int64_t d = d0; d <= d1; d += w.dilations[0]) {
          for (int64_t r = r0; r <= r1; r += w.dilations[1]) {
            for (int64_t c = c0; c <= c1; c += w.dilations[2]) {
              const T value = x[(d * in[1] + r) * in[2] + c];
              // The first of equals wins; a NaN wins over all.
              if (where >= 0 && !(value > highest) && !(value != value && highest == highest)) continue;
              highest = value;
              where = index_of(d, r, c);
            }
          }
        }
        y[at] = highest;
        if (indices != nullptr) indices[at] = where;
      }
    }
  }
}

template <typename T>
void MaxPlanes(const Window& w, const std::vector<int64_t>& in, bool column_major, const Tensor& x, Tensor& y,
               Tensor* indices) {
  const int64_t in_plane = in[0] * in[1] * in[2];
  const int64_t out_plane = w.output[0] * w.output[1] * w.output[2];
  for (int64_t plane = 0; plane < x.dim(0) * x.dim(1); ++plane) {
    MaxPlane(w, in, plane * in_plane, column_major, x.data<T>() + plane * in_plane,
             y.mutable_data<T>() + plane * out_plane,
             indices == nullptr ? nullptr : indices->mutable_data<int64_t>() + plane * out_plane);
  }
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeMaxUnpool(const KernelContext& context) {
  const Node node = context.node;
  const size_t rank = node.Ints("kernel_shape").size();
  if (rank < 1 || rank > 3) return BadAttribute("kernel_shape of MaxUnpool needs one to three values");
  ASSIGN_OR_RETURN(const std::vector<int64_t> kernel, WindowAttribute(node, "kernel_shape", rank, 1, 1));
  ASSIGN_OR_RETURN(const std::vector<int64_t> strides, WindowAttribute(node, "strides", rank, 1, 1));
  ASSIGN_OR_RETURN(const std::vector<int64_t> pads, WindowAttribute(node, "pads", 2 * rank, 0, 0));
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    RETURN_IF_ERROR(RequireInput(inputs, 1));
    const Tensor& x = *inputs[0];
    if (x.rank() != rank + 2 || inputs[1]->shape() != x.shape()) {
      return BadShape(absl::StrCat("MaxUnpool over ", rank, " axes does not take ", ShapeString(x.shape()),
                                   " with indices ", ShapeString(inputs[1]->shape())));
    }
    if (inputs[1]->dtype() != DataType::kInt64) return BadType(*inputs[1], "int64");
    Shape shape = {x.dim(0), x.dim(1)};
    if (inputs.size() > 2 && inputs[2] != nullptr) {
      ASSIGN_OR_RETURN(shape, Integers(*inputs[2]));
      if (shape.size() != x.rank()) {
        return BadShape(absl::StrCat("output_shape has ", shape.size(), " values, expected ", x.rank()));
      }
    } else {
      for (size_t i = 0; i < rank; ++i) {
        if (x.dim(i + 2) > (int64_t{1} << 31)) return BadShape("the output of MaxUnpool is too large");
        shape.push_back((x.dim(i + 2) - 1) * strides[i] + kernel[i] - pads[i] - pads[i + rank]);
      }
    }
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, shape));
    float* y = out.mutable_data<float>();
    std::fill(y, y + out.size(), 0.0f);
    for (int64_t i = 0; i < x.size(); ++i) {
      const int64_t at = inputs[1]->data<int64_t>()[i];
      if (at < 0 || at >= out.size()) {
        return BadIndex(absl::StrCat("index ", at, " is out of range for an output of ", out.size()));
      }
      y[at] = x.data<float>()[i];
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {{"MaxUnpool", 9, &MakeMaxUnpool}};

}  // namespace

absl::Status RunIndexedMaxPool(const Node& node, const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireInputs(inputs, 1));
  const Tensor& x = *inputs[0];
  if (x.rank() < 3 || x.rank() > 5) {
    return BadShape(absl::StrCat("a pool needs [N, C, ...] with one to three axes, not ", ShapeString(x.shape())));
  }
  std::vector<int64_t> spatial(x.shape().begin() + 2, x.shape().end());
  ASSIGN_OR_RETURN(Window window, ResolveWindow(node, node.Ints("kernel_shape"), spatial,
                                                node.Int("ceil_mode", 0) != 0));
  Shape shape = {x.dim(0), x.dim(1)};
  shape.insert(shape.end(), window.output.begin(), window.output.end());
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(x.dtype(), shape));
  const bool with_indices = node.outputs.size() > 1 && !node.outputs[1].empty();
  Tensor indices;
  if (with_indices) {
    ASSIGN_OR_RETURN(indices, outputs.Make(DataType::kInt64, shape));
  }
  WidenToThreeAxes(window, spatial);
  const bool column_major = node.Int("storage_order", 0) != 0;
  Tensor* const where = with_indices ? &indices : nullptr;
  switch (x.dtype()) {
    case DataType::kFloat: MaxPlanes<float>(window, spatial, column_major, x, out, where); break;
    case DataType::kInt8: MaxPlanes<int8_t>(window, spatial, column_major, x, out, where); break;
    case DataType::kUint8: MaxPlanes<uint8_t>(window, spatial, column_major, x, out, where); break;
    default: return BadType(x, "float, int8 or uint8");
  }
  outputs[0] = std::move(out);
  if (with_indices) outputs[1] = std::move(indices);
  return absl::OkStatus();
}

std::span<const KernelEntry> MaxPoolIndexKernels() { return kEntries; }

}  // namespace quantd::cpu
