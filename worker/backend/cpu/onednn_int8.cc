#include "worker/backend/cpu/onednn_int8.h"

#include <cstring>
#include <unordered_map>
#include <utility>

#include "worker/backend/cpu/onednn_support.h"

namespace quantd::cpu {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

memory::data_type TypeOf(DataType type) {
  if (type == DataType::kUint8) return memory::data_type::u8;
  return type == DataType::kInt8 ? memory::data_type::s8 : memory::data_type::f32;
}

// `channel_axis` is that of the result.
dnnl::primitive_attr Attributes(const IntegerResult& result, int32_t input_zero_point, int channel_axis) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  attributes.set_output_scales(result.scale.size() == 1 ? 0 : 1 << channel_axis, result.scale);
  if (input_zero_point != 0) attributes.set_zero_points(DNNL_ARG_SRC, 0, {input_zero_point});
  if (result.zero_point != 0) attributes.set_zero_points(DNNL_ARG_DST, 0, {result.zero_point});
  if (result.relu) {
    dnnl::post_ops after;
    after.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
    attributes.set_post_ops(after);
  }
  return attributes;
}

// A primitive with its constant operands. `descriptor` and `primitive` are of one kind.
template <typename Primitive>
struct Prepared {
  typename Primitive::primitive_desc descriptor;
  Primitive primitive;
  memory::desc input;   // As the caller has it; the primitive may want another.
  memory::desc output;
  memory weights;
  memory bias;
  bool reorders_input = false;
  bool reorders_output = false;
  size_t input_offset = 0;
  size_t output_offset = 0;
  size_t scratch_bytes = 0;

  void SetUp(const memory::desc& given_weights, const int8_t* weight_codes, const memory::desc& bias_desc,
             const int32_t* bias_values) {
    primitive = Primitive(descriptor);
    reorders_input = descriptor.src_desc() != input;
    reorders_output = descriptor.dst_desc() != output;
    const auto place = [&](size_t bytes) {
      const size_t at = scratch_bytes;
      scratch_bytes += (bytes + 63) / 64 * 64;
      return at;
    };
    place(descriptor.scratchpad_desc().get_size());
    if (reorders_input) input_offset = place(descriptor.src_desc().get_size());
    if (reorders_output) output_offset = place(descriptor.dst_desc().get_size());
    dnnl::stream stream(OneDnnEngine());
    memory given = WrapMemory(given_weights, weight_codes);
    weights = memory(descriptor.weights_desc(), OneDnnEngine());
    dnnl::reorder(given, weights).execute(stream, given, weights);
    if (bias_values != nullptr) {
      bias = memory(bias_desc, OneDnnEngine());
      std::memcpy(bias.get_data_handle(), bias_values, bias_desc.get_size());
    }
    stream.wait();
  }

  absl::Status Run(const void* x, void* scratch, void* y) const {
    try {
      dnnl::stream stream(OneDnnEngine());
      char* const bytes = static_cast<char*>(scratch);
      memory given_input = WrapMemory(input, x), given_output = WrapMemory(output, y);
      memory source = given_input, destination = given_output;
      if (reorders_input) {
        source = WrapMemory(descriptor.src_desc(), bytes + input_offset);
        dnnl::reorder(given_input, source).execute(stream, given_input, source);
      }
      if (reorders_output) destination = WrapMemory(descriptor.dst_desc(), bytes + output_offset);
      std::unordered_map<int, memory> arguments = {
          {DNNL_ARG_SRC, source},
          {DNNL_ARG_WEIGHTS, weights},
          {DNNL_ARG_DST, destination},
          {DNNL_ARG_SCRATCHPAD, WrapMemory(descriptor.scratchpad_desc(), bytes)}};
      if (bias) arguments.emplace(DNNL_ARG_BIAS, bias);
      primitive.execute(stream, arguments);
      if (reorders_output) {
        dnnl::reorder(destination, given_output).execute(stream, destination, given_output);
      }
      stream.wait();
      return absl::OkStatus();
    } catch (const dnnl::error& error) {
      return FromOneDnn(error);
    }
  }
};

}  // namespace

struct OneDnnIntegerConvolution::Impl : Prepared<dnnl::convolution_forward> {};
OneDnnIntegerConvolution::OneDnnIntegerConvolution(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OneDnnIntegerConvolution::~OneDnnIntegerConvolution() = default;
size_t OneDnnIntegerConvolution::scratch_bytes() const { return impl_->scratch_bytes; }
absl::Status OneDnnIntegerConvolution::Run(const void* input, void* scratch, void* output) const {
  return impl_->Run(input, scratch, output);
}

absl::StatusOr<std::unique_ptr<OneDnnIntegerConvolution>> OneDnnIntegerConvolution::Create(
    const Problem& problem, const int8_t* weights, const int32_t* bias) {
  using Convolution = dnnl::convolution_forward;
  try {
    const bool grouped = problem.groups > 1;
    memory::dims weight = problem.weight;
    if (grouped) {
      weight[0] /= problem.groups;
      weight.insert(weight.begin(), problem.groups);
    }
    memory::dims output = {problem.input[0], problem.weight[0]};
    output.insert(output.end(), problem.window.output.begin(), problem.window.output.end());
    const Tag tag = problem.channels_last ? Tag::nhwc : Tag::nchw;
    auto impl = std::make_unique<Impl>();
    impl->input = memory::desc(problem.input, TypeOf(problem.input_type), tag);
    impl->output = memory::desc(output, TypeOf(problem.result.dtype), tag);
    // Channels last is the layout of the fast kernels; the library may still choose another.
    const memory::desc any_input(problem.input, TypeOf(problem.input_type), Tag::nhwc);
    const memory::desc any_output(output, TypeOf(problem.result.dtype), Tag::nhwc);
    const memory::desc any_weight(weight, memory::data_type::s8, Tag::any);
    const memory::desc bias_desc({problem.weight[0]}, memory::data_type::s32, Tag::x);
    const Window& w = problem.window;
    constexpr auto kInference = dnnl::prop_kind::forward_inference;
    constexpr auto kDirect = dnnl::algorithm::convolution_direct;
    const memory::dims pads_end = WindowPadsEnd(w, problem.input), dilates = WindowDilates(w);
    const auto description =
        problem.has_bias
            ? Convolution::desc(kInference, kDirect, any_input, any_weight, bias_desc, any_output,
                                w.strides, dilates, w.pads_begin, pads_end)
            : Convolution::desc(kInference, kDirect, any_input, any_weight, any_output, w.strides,
                                dilates, w.pads_begin, pads_end);
    impl->descriptor = Convolution::primitive_desc(
        description, Attributes(problem.result, problem.input_zero_point, 1), OneDnnEngine());
    impl->SetUp(memory::desc(weight, memory::data_type::s8, grouped ? Tag::goihw : Tag::oihw), weights,
                bias_desc, problem.has_bias ? bias : nullptr);
    return std::unique_ptr<OneDnnIntegerConvolution>(new OneDnnIntegerConvolution(std::move(impl)));
  } catch (const dnnl::error& error) {
    return FromOneDnn(error);
  }
}

struct OneDnnIntegerProduct::Impl : Prepared<dnnl::matmul> {};
OneDnnIntegerProduct::OneDnnIntegerProduct(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OneDnnIntegerProduct::~OneDnnIntegerProduct() = default;
size_t OneDnnIntegerProduct::scratch_bytes() const { return impl_->scratch_bytes; }
absl::Status OneDnnIntegerProduct::Run(const void* input, void* scratch, void* output) const {
  return impl_->Run(input, scratch, output);
}

absl::StatusOr<std::unique_ptr<OneDnnIntegerProduct>> OneDnnIntegerProduct::Create(const Problem& problem,
                                                                                   const int8_t* weights,
                                                                                   const int32_t* bias) {
  try {
    auto impl = std::make_unique<Impl>();
    impl->input = memory::desc({problem.m, problem.k}, TypeOf(problem.input_type), Tag::ab);
    impl->output = memory::desc({problem.m, problem.n}, TypeOf(problem.result.dtype), Tag::ab);
    const memory::desc any_weight({problem.k, problem.n}, memory::data_type::s8, Tag::any);
    const memory::desc bias_desc({1, problem.n}, memory::data_type::s32, Tag::ab);
    const auto description = problem.has_bias
                                 ? dnnl::matmul::desc(impl->input, any_weight, bias_desc, impl->output)
                                 : dnnl::matmul::desc(impl->input, any_weight, impl->output);
    impl->descriptor = dnnl::matmul::primitive_desc(
        description, Attributes(problem.result, problem.input_zero_point, 1), OneDnnEngine());
    impl->SetUp(memory::desc({problem.k, problem.n}, memory::data_type::s8,
                             problem.transposed_weight ? Tag::ba : Tag::ab),
                weights, bias_desc, problem.has_bias ? bias : nullptr);
    return std::unique_ptr<OneDnnIntegerProduct>(new OneDnnIntegerProduct(std::move(impl)));
  } catch (const dnnl::error& error) {
    return FromOneDnn(error);
  }
}

}  // namespace quantd::cpu
