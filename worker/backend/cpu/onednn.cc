#include "worker/backend/cpu/onednn.h"

#include <cstring>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "worker/backend/cpu/onednn_support.h"

namespace quantd::cpu {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

Tag InputTag(size_t rank, bool channels_last) {
  if (channels_last) return rank == 4 ? Tag::nhwc : Tag::ndhwc;
  return rank == 4 ? Tag::nchw : Tag::ncdhw;
}

Tag WeightTag(size_t rank, bool grouped) {
  if (rank == 4) return grouped ? Tag::goihw : Tag::oihw;
  return grouped ? Tag::goidhw : Tag::oidhw;
}

struct Eltwise {
  absl::string_view name;
  dnnl::algorithm algorithm;
  bool fixed_alpha;  // The parameter is the function's own, not the activation's.
  float alpha;
};

// oneDNN's formula, parameter for parameter, equals ONNX's in each of these.
constexpr Eltwise kEltwise[] = {
    {"relu", dnnl::algorithm::eltwise_relu, true, 0},
    {"leaky_relu", dnnl::algorithm::eltwise_relu, false, 0},
    {"clip", dnnl::algorithm::eltwise_clip_v2, false, 0},
    {"sigmoid", dnnl::algorithm::eltwise_logistic, true, 0},
    {"tanh", dnnl::algorithm::eltwise_tanh, true, 0},
    {"elu", dnnl::algorithm::eltwise_elu, false, 0},
    {"hard_swish", dnnl::algorithm::eltwise_hardswish, true, 0},
    {"silu", dnnl::algorithm::eltwise_swish, true, 1},
    {"gelu_erf", dnnl::algorithm::eltwise_gelu_erf, true, 0},
    {"gelu_tanh", dnnl::algorithm::eltwise_gelu_tanh, true, 0},
};

const Eltwise* FindEltwise(absl::string_view name) {
  for (const Eltwise& entry : kEltwise) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

memory::dims WeightDims(const OneDnnConvolution::Problem& problem) {
  memory::dims weight = problem.weight;
  if (problem.groups > 1) {
    weight[0] /= problem.groups;
    weight.insert(weight.begin(), problem.groups);
  }
  return weight;
}

memory::dims OutputDims(const OneDnnConvolution::Problem& problem) {
  memory::dims output = {problem.input[0], problem.weight[0]};
  output.insert(output.end(), problem.window.output.begin(), problem.window.output.end());
  return output;
}

dnnl::primitive_attr Attributes(const OneDnnConvolution::Problem& problem) {
  dnnl::primitive_attr attributes;
  // The library's own scratchpad is not safe when one primitive runs on several threads.
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::post_ops after;
  // The residual is put where the result will be. (A binary sum would spare that copy, but gives wrong results in
  // oneDNN 2.6 where a window lies in the padding altogether.)
  if (problem.has_residual) after.append_sum();
  if (const Eltwise* eltwise = FindEltwise(problem.activation.name)) {
    after.append_eltwise(1, eltwise->algorithm,
                         eltwise->fixed_alpha ? eltwise->alpha : problem.activation.alpha,
                         problem.activation.beta);
  }
  attributes.set_post_ops(after);
  return attributes;
}

dnnl::convolution_forward::primitive_desc Describe(const OneDnnConvolution::Problem& problem,
                                                   const memory::desc& input,
                                                   const memory::desc& output,
                                                   const dnnl::primitive_attr& attributes) {
  using Convolution = dnnl::convolution_forward;
  constexpr auto kF32 = memory::data_type::f32;
  constexpr auto kInference = dnnl::prop_kind::forward_inference;
  constexpr auto kDirect = dnnl::algorithm::convolution_direct;
  const memory::dims dilates = WindowDilates(problem.window);
  const memory::desc weight(WeightDims(problem), kF32, Tag::any);
  const Window& w = problem.window;
  const auto description =
      problem.has_bias
          ? Convolution::desc(kInference, kDirect, input, weight,
                              memory::desc({problem.weight[0]}, kF32, Tag::x), output, w.strides,
                              dilates, w.pads_begin, WindowPadsEnd(w, problem.input))
          : Convolution::desc(kInference, kDirect, input, weight, output, w.strides, dilates,
                              w.pads_begin, WindowPadsEnd(w, problem.input));
  return Convolution::primitive_desc(description, attributes, OneDnnEngine());
}

}  // namespace

bool IsFusible(const FusedActivation& activation) {
  return activation.name.empty() || FindEltwise(activation.name) != nullptr;
}

struct OneDnnConvolution::Impl {
  dnnl::convolution_forward::primitive_desc descriptor;
  dnnl::convolution_forward primitive;
  memory::desc input;   // As the caller has it; the primitive may want another.
  memory::desc output;
  memory weights;
  memory bias;
  bool reorders_input = false;
  bool reorders_output = false;
  // Within the scratch memory.
  size_t input_offset = 0;
  size_t output_offset = 0;
  size_t scratch_bytes = 0;
};

OneDnnConvolution::OneDnnConvolution(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OneDnnConvolution::~OneDnnConvolution() = default;
size_t OneDnnConvolution::scratch_bytes() const { return impl_->scratch_bytes; }

absl::StatusOr<std::unique_ptr<OneDnnConvolution>> OneDnnConvolution::Create(
    const Problem& problem, const float* weights, const float* bias) {
  try {
    const size_t rank = problem.input.size();
    constexpr auto kF32 = memory::data_type::f32;
    auto impl = std::make_unique<Impl>();
    const Tag tag = InputTag(rank, problem.channels_last);
    impl->input = memory::desc(problem.input, kF32, tag);
    impl->output = memory::desc(OutputDims(problem), kF32, tag);
    const dnnl::primitive_attr attributes = Attributes(problem);
    // Channels last are fast as they are. Otherwise the library chooses, and the caller's layout is changed on the way.
    const memory::desc any_input(problem.input, kF32, Tag::any);
    const memory::desc any_output(OutputDims(problem), kF32, Tag::any);
    impl->descriptor = problem.channels_last
                           ? Describe(problem, impl->input, impl->output, attributes)
                           : Describe(problem, any_input, any_output, attributes);
    impl->primitive = dnnl::convolution_forward(impl->descriptor);
    impl->reorders_input = impl->descriptor.src_desc() != impl->input;
    impl->reorders_output = impl->descriptor.dst_desc() != impl->output;
    const auto place = [&](size_t bytes) {
      const size_t at = impl->scratch_bytes;
      impl->scratch_bytes += (bytes + 63) / 64 * 64;
      return at;
    };
    place(impl->descriptor.scratchpad_desc().get_size());
    if (impl->reorders_input) impl->input_offset = place(impl->descriptor.src_desc().get_size());
    if (impl->reorders_output) impl->output_offset = place(impl->descriptor.dst_desc().get_size());

    dnnl::stream stream(OneDnnEngine());
    memory plain = WrapMemory(memory::desc(WeightDims(problem), kF32, WeightTag(rank, problem.groups > 1)), weights);
    impl->weights = memory(impl->descriptor.weights_desc(), OneDnnEngine());
    dnnl::reorder(plain, impl->weights).execute(stream, plain, impl->weights);
    if (problem.has_bias) {
      const memory::desc desc({problem.weight[0]}, kF32, Tag::x);
      impl->bias = memory(desc, OneDnnEngine());
      std::memcpy(impl->bias.get_data_handle(), bias, desc.get_size());
    }
    stream.wait();
    return std::unique_ptr<OneDnnConvolution>(new OneDnnConvolution(std::move(impl)));
  } catch (const dnnl::error& error) {
    return FromOneDnn(error);
  }
}

absl::Status OneDnnConvolution::Run(const float* input, const float* residual, void* scratch,
                                    float* output) const {
  try {
    dnnl::stream stream(OneDnnEngine());
    char* const bytes = static_cast<char*>(scratch);
    memory given_input = WrapMemory(impl_->input, input);
    memory given_output = WrapMemory(impl_->output, output);
    memory source = given_input, destination = given_output;
    if (impl_->reorders_input) {
      source = WrapMemory(impl_->descriptor.src_desc(), bytes + impl_->input_offset);
      dnnl::reorder(given_input, source).execute(stream, given_input, source);
    }
    if (impl_->reorders_output) {
      destination = WrapMemory(impl_->descriptor.dst_desc(), bytes + impl_->output_offset);
    }
    std::unordered_map<int, memory> arguments = {
        {DNNL_ARG_SRC, source},
        {DNNL_ARG_WEIGHTS, impl_->weights},
        {DNNL_ARG_DST, destination},
        {DNNL_ARG_SCRATCHPAD, WrapMemory(impl_->descriptor.scratchpad_desc(), bytes)}};
    if (impl_->bias) arguments.emplace(DNNL_ARG_BIAS, impl_->bias);
    if (residual != nullptr && (residual != output || impl_->reorders_output)) {
      memory given_residual = WrapMemory(impl_->output, residual);
      dnnl::reorder(given_residual, destination).execute(stream, given_residual, destination);
    }
    impl_->primitive.execute(stream, arguments);
    if (impl_->reorders_output) {
      dnnl::reorder(destination, given_output).execute(stream, destination, given_output);
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
