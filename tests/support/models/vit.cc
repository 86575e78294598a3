#include "tests/support/models/vit.h"

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/models/graph_builder.h"

namespace quantd::testing {
namespace {

using Ints = std::vector<int64_t>;

// Each of the residual branches adds this much of its variance, so that the sum stays small.
constexpr double kBranchGain = 0.5;

class VitBuilder {
 public:
  explicit VitBuilder(const VitOptions& options)
      : options_(options), builder_("vit", options.seed) {}

  Model Build() {
    const Dimension batch = Symbol("batch");
    const std::string image = builder_.Input(
        "input", DataType::kFloat,
        {batch, {.extent = 3}, {.extent = options_.image}, {.extent = options_.image}});
    std::string x = Embeddings(image);
    for (int64_t layer = 0; layer < options_.layers; ++layer) {
      const std::string scope = absl::StrCat("/blocks/blocks.", layer);
      std::string y = Attention(scope + "/attn", LayerNorm(scope + "/norm1", x));
      x = builder_.Op(scope, "Add", {x, y});
      y = LayerNorm(scope + "/norm2", x);
      y = builder_.Linear(scope + "/mlp/fc1", y, options_.hidden, options_.intermediate);
      y = builder_.Gelu(scope + "/mlp/act", y);
      y = builder_.Linear(scope + "/mlp/fc2", y, options_.intermediate, options_.hidden,
                          kBranchGain);
      x = builder_.Op(scope, "Add", {x, y});
    }
    x = LayerNorm("/norm", x);
    x = builder_.Op("", "Gather", {x, builder_.Int(0)}, {{"axis", int64_t{1}}});
    const double deviation = 1 / std::sqrt(static_cast<double>(options_.hidden));
    const std::string weight =
        builder_.Weight("head.weight", {options_.classes, options_.hidden}, deviation);
    const std::string bias = builder_.Weight("head.bias", {options_.classes}, 0.1);
    x = builder_.Op("/head", "Gemm", {x, weight, bias}, {{"transB", int64_t{1}}});
    builder_.Output(x, {batch, {.extent = options_.classes}});
    return builder_.Build(17);
  }

 private:
  // [batch, 1 + patches, hidden]
  std::string Embeddings(const std::string& image) {
    const std::string scope = "/patch_embed";
    const int64_t patch = options_.patch, hidden = options_.hidden;
    const auto fan_in = static_cast<double>(3 * patch * patch);
    const std::string weight = builder_.Weight("patch_embed.proj.weight", {hidden, 3, patch, patch},
                                               1 / std::sqrt(fan_in));
    const std::string bias = builder_.Weight("patch_embed.proj.bias", {hidden}, 0.1);
    const std::string cells = builder_.Op(scope + "/proj", "Conv", {image, weight, bias},
                                          {{"dilations", Ints{1, 1}},
                                           {"group", int64_t{1}},
                                           {"kernel_shape", Ints{patch, patch}},
                                           {"pads", Ints{0, 0, 0, 0}},
                                           {"strides", Ints{patch, patch}}});
    // flatten(2): the shape's first two extents and -1.
    const std::string shape = builder_.Op(scope, "Shape", {cells});
    const std::string kept = builder_.Op(
        scope, "Slice", {shape, builder_.Ints({0}), builder_.Ints({2}), builder_.Ints({0})});
    const std::string flat =
        builder_.Op(scope, "Concat", {kept, builder_.Ints({-1})}, {{"axis", int64_t{0}}});
    std::string x = builder_.Op(scope, "Reshape", {cells, flat});
    x = builder_.Op(scope, "Transpose", {x}, {{"perm", Ints{0, 2, 1}}});

    const std::string batch =
        builder_.Op("", "Unsqueeze", {builder_.Extent("", x, 0), builder_.Ints({0})});
    const std::string token_shape = builder_.Op(
        "", "Concat", {batch, builder_.Ints({1}), builder_.Ints({hidden})}, {{"axis", int64_t{0}}});
    const std::string token =
        builder_.Op("", "Expand", {builder_.Weight("cls_token", {1, 1, hidden}, 1), token_shape});
    x = builder_.Op("", "Concat", {token, x}, {{"axis", int64_t{1}}});
    const int64_t side = options_.image / patch;
    return builder_.Op("", "Add",
                       {x, builder_.Weight("pos_embed", {1, 1 + side * side, hidden}, 0.5)});
  }

  std::string LayerNorm(const std::string& scope, const std::string& x) {
    return builder_.Op(scope, "LayerNormalization",
                       {x, builder_.Range(scope + ".weight", {options_.hidden}, 0.8, 1.2),
                        builder_.Range(scope + ".bias", {options_.hidden}, -0.2, 0.2)},
                       {{"axis", int64_t{-1}}, {"epsilon", 1e-6f}});
  }

  std::string Attention(const std::string& scope, const std::string& x) {
    const int64_t hidden = options_.hidden, head = hidden / options_.heads;
    const std::string batch = builder_.Extent(scope, x, 0);
    const std::string tokens = builder_.Extent(scope, x, 1);
    std::string y = builder_.Linear(scope + "/qkv", x, hidden, 3 * hidden);
    y = builder_.ReshapeTo(
        scope, y,
        {batch, tokens, builder_.Int(3), builder_.Int(options_.heads), builder_.Int(head)});
    y = builder_.Op(scope, "Transpose", {y}, {{"perm", Ints{2, 0, 3, 1, 4}}});
    std::vector<std::string> parts = builder_.OpWithOutputs(
        scope, "Split", {y, builder_.Ints({1, 1, 1})}, 3, {{"axis", int64_t{0}}});
    for (std::string& part : parts) {
      part = builder_.Op(scope, "Squeeze", {part, builder_.Ints({0})});
    }
    // Half the scale on each side, as torch's scaled_dot_product_attention is exported.
    const auto scale = static_cast<float>(1 / std::sqrt(std::sqrt(static_cast<double>(head))));
    const std::string queries = builder_.Op(scope, "Mul", {parts[0], builder_.Float(scale)});
    std::string keys = builder_.Op(scope, "Transpose", {parts[1]}, {{"perm", Ints{0, 1, 3, 2}}});
    keys = builder_.Op(scope, "Mul", {keys, builder_.Float(scale)});
    const std::string scores = builder_.Op(scope, "MatMul", {queries, keys});
    const std::string weights = builder_.Op(scope, "Softmax", {scores}, {{"axis", int64_t{-1}}});
    std::string context = builder_.Op(scope, "MatMul", {weights, parts[2]});
    context = builder_.Op(scope, "Transpose", {context}, {{"perm", Ints{0, 2, 1, 3}}});
    context = builder_.ReshapeTo(scope, context, {batch, tokens, builder_.Int(hidden)});
    return builder_.Linear(scope + "/proj", context, hidden, hidden, kBranchGain);
  }

  const VitOptions& options_;
  GraphBuilder builder_;
};

}  // namespace

Model MakeVit(const VitOptions& options) { return VitBuilder(options).Build(); }

}  // namespace quantd::testing
