#include "tests/support/models/bert.h"

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/models/graph_builder.h"

namespace quantd::testing {
namespace {

using Ints = std::vector<int64_t>;

class BertBuilder {
 public:
  explicit BertBuilder(const BertOptions& options)
      : options_(options), builder_("bert", options.seed) {}

  Model Build() {
    const Dimension batch = Symbol("batch"), sequence = Symbol("sequence");
    ids_ = builder_.Input("input_ids", DataType::kInt64, {batch, sequence});
    const std::string mask = builder_.Input("attention_mask", DataType::kInt64, {batch, sequence});
    types_ = builder_.Input("token_type_ids", DataType::kInt64, {batch, sequence});
    const std::string penalty = Penalty(mask);
    std::string x = Embeddings();
    for (int64_t layer = 0; layer < options_.layers; ++layer) {
      const std::string scope = absl::StrCat("/encoder/layer.", layer);
      x = Attention(scope + "/attention", x, penalty);
      std::string y =
          builder_.Linear(scope + "/intermediate/dense", x, options_.hidden, options_.intermediate);
      y = builder_.Gelu(scope + "/intermediate/intermediate_act_fn", y);
      y = builder_.Linear(scope + "/output/dense", y, options_.intermediate, options_.hidden);
      y = builder_.Op(scope + "/output", "Add", {y, x});
      x = LayerNorm(scope + "/output/LayerNorm", y);
    }
    builder_.Output(x, {batch, sequence, {.extent = options_.hidden}});
    const std::string pooled = Pooler(x);
    builder_.Output(pooled, {batch, {.extent = options_.hidden}});
    return builder_.Build(14);
  }

 private:
  // [batch, 1, 1, sequence]: 0 for a token, -10000 for padding.
  std::string Penalty(const std::string& mask) {
    std::string x = builder_.Op("", "Unsqueeze", {mask, builder_.Ints({1})});
    x = builder_.Op("", "Unsqueeze", {x, builder_.Ints({2})});
    x = builder_.Op("", "Cast", {x}, {{"to", static_cast<int64_t>(DataType::kFloat)}});
    x = builder_.Op("", "Sub", {builder_.Float(1), x});
    return builder_.Op("", "Mul", {x, builder_.Float(-10000)});
  }

  std::string Embeddings() {
    const std::string scope = "/embeddings";
    const auto table = [&](const std::string& name, int64_t rows) {
      return builder_.Weight(absl::StrCat("embeddings.", name, ".weight"), {rows, options_.hidden},
                             1);
    };
    const std::string words = builder_.Op(scope + "/word_embeddings", "Gather",
                                          {table("word_embeddings", options_.vocabulary), ids_});
    const std::string types = builder_.Op(scope + "/token_type_embeddings", "Gather",
                                          {table("token_type_embeddings", 2), types_});
    const std::string sum = builder_.Op(scope, "Add", {words, types});

    Ints numbers(static_cast<size_t>(options_.sequence_max));
    std::iota(numbers.begin(), numbers.end(), 0);
    const std::string all = builder_.Constant("embeddings.position_ids",
                                              Tensor::Of({1, options_.sequence_max}, numbers));
    const std::string length =
        builder_.Op(scope, "Unsqueeze", {builder_.Extent(scope, ids_, 1), builder_.Ints({0})});
    const std::string numbered =
        builder_.Op(scope, "Slice", {all, builder_.Ints({0}), length, builder_.Ints({1})});
    const std::string positions =
        builder_.Op(scope + "/position_embeddings", "Gather",
                    {table("position_embeddings", options_.sequence_max), numbered});
    return LayerNorm(scope + "/LayerNorm", builder_.Op(scope, "Add", {sum, positions}));
  }

  // [batch, sequence, hidden] -> [batch, heads, sequence, hidden / heads], its axes then permuted.
  std::string Heads(const std::string& scope, const std::string& x, const Ints& permutation) {
    const std::string split = builder_.ReshapeTo(
        scope, x,
        {builder_.Extent(scope, x, 0), builder_.Extent(scope, x, 1), builder_.Int(options_.heads),
         builder_.Int(options_.hidden / options_.heads)});
    return builder_.Op(scope, "Transpose", {split}, {{"perm", permutation}});
  }

  std::string Attention(const std::string& scope, const std::string& x,
                        const std::string& penalty) {
    const std::string self = scope + "/self";
    const int64_t hidden = options_.hidden;
    const std::string q = builder_.Linear(self + "/query", x, hidden, hidden);
    const std::string k = builder_.Linear(self + "/key", x, hidden, hidden);
    const std::string keys = Heads(self, k, {0, 2, 3, 1});
    const std::string v = builder_.Linear(self + "/value", x, hidden, hidden);
    const std::string values = Heads(self, v, {0, 2, 1, 3});
    const std::string queries = Heads(self, q, {0, 2, 1, 3});
    const auto head = static_cast<float>(hidden / options_.heads);
    std::string scores = builder_.Op(self, "MatMul", {queries, keys});
    scores = builder_.Op(self, "Div", {scores, builder_.Float(std::sqrt(head))});
    scores = builder_.Op(self, "Add", {scores, penalty});
    scores = builder_.Op(self, "Softmax", {scores}, {{"axis", int64_t{-1}}});
    std::string context = builder_.Op(self, "MatMul", {scores, values});
    context = builder_.Op(self, "Transpose", {context}, {{"perm", Ints{0, 2, 1, 3}}});
    context = builder_.ReshapeTo(self, context,
                                 {builder_.Extent(self, context, 0),
                                  builder_.Extent(self, context, 1), builder_.Int(hidden)});
    const std::string y = builder_.Linear(scope + "/output/dense", context, hidden, hidden);
    const std::string sum = builder_.Op(scope + "/output", "Add", {y, x});
    return LayerNorm(scope + "/output/LayerNorm", sum);
  }

  std::string LayerNorm(const std::string& scope, const std::string& x) {
    const GraphBuilder::Attributes last = {{"axes", Ints{-1}}, {"keepdims", int64_t{1}}};
    const std::string mean = builder_.Op(scope, "ReduceMean", {x}, last);
    const std::string centred = builder_.Op(scope, "Sub", {x, mean});
    const std::string square = builder_.Op(scope, "Pow", {centred, builder_.Float(2)});
    const std::string variance = builder_.Op(scope, "ReduceMean", {square}, last);
    const std::string shifted = builder_.Op(scope, "Add", {variance, builder_.Float(1e-12f)});
    const std::string deviation = builder_.Op(scope, "Sqrt", {shifted});
    const std::string ratio = builder_.Op(scope, "Div", {centred, deviation});
    const std::string scaled = builder_.Op(
        scope, "Mul", {ratio, builder_.Range(scope + ".weight", {options_.hidden}, 0.8, 1.2)});
    return builder_.Op(scope, "Add",
                       {scaled, builder_.Range(scope + ".bias", {options_.hidden}, -0.2, 0.2)});
  }

  // tanh(W x_0 + b) of the first token.
  std::string Pooler(const std::string& x) {
    const int64_t hidden = options_.hidden;
    const std::string first =
        builder_.Op("/pooler", "Gather", {x, builder_.Int(0)}, {{"axis", int64_t{1}}});
    const std::string weight = builder_.Weight("pooler.dense.weight", {hidden, hidden},
                                               1 / std::sqrt(static_cast<double>(hidden)));
    const std::string bias = builder_.Weight("pooler.dense.bias", {hidden}, 0.1);
    const std::string y =
        builder_.Op("/pooler/dense", "Gemm", {first, weight, bias}, {{"transB", int64_t{1}}});
    return builder_.Op("/pooler/activation", "Tanh", {y});
  }

  const BertOptions& options_;
  GraphBuilder builder_;
  std::string ids_;
  std::string types_;
};

}  // namespace

Model MakeBert(const BertOptions& options) { return BertBuilder(options).Build(); }

}  // namespace quantd::testing
