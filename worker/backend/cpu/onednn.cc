#include "worker/backend/cpu/onednn.h"

#include <dnnl.hpp>

#include <cstring>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"

namespace quantd::cpu {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

absl::Status FromOneDnn(const dnnl::error& error) {
  const absl::StatusCode code = error.status == dnnl_out_of_memory
                                    ? absl::StatusCode::kResourceExhausted
                                    : absl::StatusCode::kInternal;
  return MakeError(code, "ONEDNN", absl::StrCat("oneDNN: ", error.what()));
}

const dnnl::engine& Engine() {
  static const auto* const kEngine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *kEngine;
}

memory Wrap(const memory::desc& desc, const void* data) {
  return memory(desc, Engine(), const_cast<void*>(data));
}

Tag PlainTag(size_t rank) { return rank == 4 ? Tag::nchw : Tag::ncdhw; }

Tag PlainWeightTag(size_t rank, bool grouped) {
  if (rank == 4) return grouped ? Tag::goihw : Tag::oihw;
  return grouped ? Tag::goidhw : Tag::oidhw;
}

}  // namespace

struct OneDnnConvolution::Impl {
  dnnl::convolution_forward::primitive_desc descriptor;
  dnnl::convolution_forward primitive;
  memory::desc plain_input;
  memory::desc plain_output;
  memory weights;
  memory bias;
};

OneDnnConvolution::OneDnnConvolution(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OneDnnConvolution::~OneDnnConvolution() = default;

absl::StatusOr<std::unique_ptr<OneDnnConvolution>> OneDnnConvolution::Create(
    const Problem& problem, const float* weights, const float* bias) {
  try {
    const size_t rank = problem.input.size();
    const bool grouped = problem.groups > 1;
    memory::dims weight = problem.weight;
    if (grouped) {
      weight[0] /= problem.groups;
      weight.insert(weight.begin(), problem.groups);
    }
    memory::dims output = {problem.input[0], problem.weight[0]};
    output.insert(output.end(), problem.window.output.begin(), problem.window.output.end());
    memory::dims dilates = problem.window.dilations;  // oneDNN counts from 0.
    for (auto& dilate : dilates) --dilate;
    // oneDNN wants the padding that the last window really reaches into, even when that is negative.
    memory::dims pads_end = problem.window.pads_end;
    for (size_t axis = 0; axis < pads_end.size(); ++axis) {
      const Window& w = problem.window;
      pads_end[axis] = (w.output[axis] - 1) * w.strides[axis] + (w.kernel[axis] - 1) * w.dilations[axis] +
                       1 - problem.input[axis + 2] - w.pads_begin[axis];
    }

    constexpr auto kF32 = memory::data_type::f32;
    auto impl = std::make_unique<Impl>();
    const memory::desc any_input(problem.input, kF32, Tag::any);
    const memory::desc any_weight(weight, kF32, Tag::any);
    const memory::desc any_output(output, kF32, Tag::any);
    const memory::desc bias_desc({problem.weight[0]}, kF32, Tag::x);
    using Convolution = dnnl::convolution_forward;
    constexpr auto kInference = dnnl::prop_kind::forward_inference;
    constexpr auto kDirect = dnnl::algorithm::convolution_direct;
    const auto description =
        problem.has_bias
            ? Convolution::desc(kInference, kDirect, any_input, any_weight, bias_desc, any_output,
                                problem.window.strides, dilates, problem.window.pads_begin, pads_end)
            : Convolution::desc(kInference, kDirect, any_input, any_weight, any_output,
                                problem.window.strides, dilates, problem.window.pads_begin, pads_end);
    dnnl::primitive_attr attributes;
    // The library's own scratchpad is not safe when one primitive runs on several threads.
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    impl->descriptor = Convolution::primitive_desc(description, attributes, Engine());
    impl->primitive = Convolution(impl->descriptor);
    impl->plain_input = memory::desc(problem.input, kF32, PlainTag(rank));
    impl->plain_output = memory::desc(output, kF32, PlainTag(rank));

    dnnl::stream stream(Engine());
    memory plain = Wrap(memory::desc(weight, kF32, PlainWeightTag(rank, grouped)), weights);
    impl->weights = memory(impl->descriptor.weights_desc(), Engine());
    dnnl::reorder(plain, impl->weights).execute(stream, plain, impl->weights);
    if (problem.has_bias) {
      impl->bias = memory(bias_desc, Engine());
      std::memcpy(impl->bias.get_data_handle(), bias, bias_desc.get_size());
    }
    stream.wait();
    return std::unique_ptr<OneDnnConvolution>(new OneDnnConvolution(std::move(impl)));
  } catch (const dnnl::error& error) {
    return FromOneDnn(error);
  }
}

absl::Status OneDnnConvolution::Run(const float* input, float* output) const {
  try {
    dnnl::stream stream(Engine());
    memory plain_input = Wrap(impl_->plain_input, input);
    memory plain_output = Wrap(impl_->plain_output, output);
    memory source = plain_input;
    if (impl_->descriptor.src_desc() != impl_->plain_input) {
      source = memory(impl_->descriptor.src_desc(), Engine());
      dnnl::reorder(plain_input, source).execute(stream, plain_input, source);
    }
    const bool reorder_output = impl_->descriptor.dst_desc() != impl_->plain_output;
    memory destination =
        reorder_output ? memory(impl_->descriptor.dst_desc(), Engine()) : plain_output;
    memory scratchpad(impl_->descriptor.scratchpad_desc(), Engine());
    std::unordered_map<int, memory> arguments = {{DNNL_ARG_SRC, source},
                                                 {DNNL_ARG_WEIGHTS, impl_->weights},
                                                 {DNNL_ARG_DST, destination},
                                                 {DNNL_ARG_SCRATCHPAD, scratchpad}};
    if (impl_->bias) arguments.emplace(DNNL_ARG_BIAS, impl_->bias);
    impl_->primitive.execute(stream, arguments);
    if (reorder_output) {
      dnnl::reorder(destination, plain_output).execute(stream, destination, plain_output);
    }
    stream.wait();
    return absl::OkStatus();
  } catch (const dnnl::error& error) {
    return FromOneDnn(error);
  }
}

absl::Status MatrixProduct(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
                           float alpha, const float* a, const float* b, float beta, float* c) {
  return StridedMatrixProduct(m, n, k, alpha, {a, transpose_a ? m : k, transpose_a},
                              {b, transpose_b ? k : n, transpose_b}, beta, c, n);
}

absl::Status StridedMatrixProduct(int64_t m, int64_t n, int64_t k, float alpha, const MatrixOperand& a,
                                  const MatrixOperand& b, float beta, float* c, int64_t c_stride) {
  if (m == 0 || n == 0) return absl::OkStatus();
  if (k == 0) {
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        float& value = c[i * c_stride + j];
        value = beta == 0 ? 0 : beta * value;
      }
    }
    return absl::OkStatus();
  }
  const dnnl::status status = dnnl::sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, alpha, a.data,
                                          a.stride, b.data, b.stride, beta, c, c_stride);
  if (status == dnnl::status::success) return absl::OkStatus();
  return MakeError(absl::StatusCode::kInternal, "ONEDNN",
                   absl::StrCat("oneDNN: matrix product failed with status ", static_cast<int>(status)));
}

}  // namespace quantd::cpu
