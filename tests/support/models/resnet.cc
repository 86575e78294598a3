#include "tests/support/models/resnet.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/models/graph_builder.h"

namespace quantd::testing {
namespace {

constexpr int64_t kExpansion = 4;  // A block's output has so many times its width.

class ResNetBuilder {
 public:
  explicit ResNetBuilder(const ResNetOptions& options)
      : options_(options), builder_("resnet", options.seed) {}

  Model Build() {
    const Dimension batch = Symbol("batch");
    std::string x = builder_.Input(
        "input", DataType::kFloat,
        {batch, {.extent = 3}, {.extent = options_.image}, {.extent = options_.image}});
    x = Convolution("/conv1", x, 3, options_.width, 7, 2);
    x = Normalization("/bn1", x, options_.width, 1);
    x = builder_.Op("/relu", "Relu", {x});
    x = builder_.Op("/maxpool", "MaxPool", {x},
                    {{"kernel_shape", std::vector<int64_t>{3, 3}},
                     {"pads", std::vector<int64_t>{1, 1, 1, 1}},
                     {"strides", std::vector<int64_t>{2, 2}},
                     {"ceil_mode", int64_t{0}}});
    int64_t channels = options_.width;
    for (size_t stage = 0; stage < options_.blocks.size(); ++stage) {
      const int64_t width = options_.width << stage;
      for (int64_t block = 0; block < options_.blocks[stage]; ++block) {
        const std::string scope =
            absl::StrCat("/layer", stage + 1, "/layer", stage + 1, ".", block);
        x = Block(scope, x, channels, width, block == 0 && stage > 0 ? 2 : 1);
        channels = width * kExpansion;
      }
    }
    x = builder_.Op("/avgpool", "GlobalAveragePool", {x});
    x = builder_.Op("", "Flatten", {x}, {{"axis", int64_t{1}}});
    const double deviation = 1 / std::sqrt(static_cast<double>(channels));
    const std::string weight =
        builder_.Weight("fc.weight", {options_.classes, channels}, deviation);
    const std::string bias = builder_.Weight("fc.bias", {options_.classes}, 0.1);
    x = builder_.Op("/fc", "Gemm", {x, weight, bias}, {{"transB", int64_t{1}}});
    builder_.Output(x, {batch, {.extent = options_.classes}});
    return builder_.Build(13);
  }

 private:
  // He's initialization keeps the variance through a ReLU.
  std::string Convolution(const std::string& scope, const std::string& x, int64_t in, int64_t out,
                          int64_t kernel, int64_t stride) {
    const auto fan_in = static_cast<double>(in * kernel * kernel);
    const std::string weight = builder_.Weight(scope.substr(1) + ".weight",
                                               {out, in, kernel, kernel}, std::sqrt(2 / fan_in));
    const int64_t pad = kernel / 2;
    return builder_.Op(scope, "Conv", {x, weight},
                       {{"dilations", std::vector<int64_t>{1, 1}},
                        {"group", int64_t{1}},
                        {"kernel_shape", std::vector<int64_t>{kernel, kernel}},
                        {"pads", std::vector<int64_t>{pad, pad, pad, pad}},
                        {"strides", std::vector<int64_t>{stride, stride}}});
  }

  std::string Normalization(const std::string& scope, const std::string& x, int64_t channels,
                            double gain) {
    const std::string name = scope.substr(1);
    return builder_.Op(scope, "BatchNormalization",
                       {x, builder_.Range(name + ".weight", {channels}, 0.8 * gain, 1.2 * gain),
                        builder_.Range(name + ".bias", {channels}, -0.2, 0.2),
                        builder_.Range(name + ".running_mean", {channels}, -0.2, 0.2),
                        builder_.Range(name + ".running_var", {channels}, 0.6, 1.4)},
                       {{"epsilon", 1e-5f}, {"momentum", 0.9f}});
  }

  std::string Block(const std::string& scope, const std::string& x, int64_t in, int64_t width,
                    int64_t stride) {
    const int64_t out = width * kExpansion;
    std::string y = Convolution(scope + "/conv1", x, in, width, 1, 1);
    y = Normalization(scope + "/bn1", y, width, 1);
    y = builder_.Op(scope + "/relu", "Relu", {y});
    y = Convolution(scope + "/conv2", y, width, width, 3, stride);
    y = Normalization(scope + "/bn2", y, width, 1);
    y = builder_.Op(scope + "/relu", "Relu", {y});
    y = Convolution(scope + "/conv3", y, width, out, 1, 1);
    // A small gain keeps the sum over all blocks from growing with their number.
    y = Normalization(scope + "/bn3", y, out, 0.3);
    std::string skip = x;
    if (in != out || stride != 1) {
      skip = Convolution(scope + "/downsample/downsample.0", x, in, out, 1, stride);
      skip = Normalization(scope + "/downsample/downsample.1", skip, out, 0.7);
    }
    const std::string sum = builder_.Op(scope, "Add", {y, skip});
    return builder_.Op(scope + "/relu", "Relu", {sum});
  }

  const ResNetOptions& options_;
  GraphBuilder builder_;
};

}  // namespace

Model MakeResNet(const ResNetOptions& options) { return ResNetBuilder(options).Build(); }

}  // namespace quantd::testing
