#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/recurrent.h"

namespace quantd::cpu {
namespace {

constexpr int64_t kHiddenMax = int64_t{1} << 24;

struct ActivationForm {
  absl::string_view name;
  int parameters;  // 0, 1 (alpha) or 2 (alpha and beta).
  float alpha;     // Used where the node lists none.
  float beta;
  float (*apply)(float x, float alpha, float beta);
};

constexpr ActivationForm kActivations[] = {
    {"relu", 0, 0, 0, [](float x, float, float) { return x > 0 ? x : x != x ? x : 0.0f; }},
    {"tanh", 0, 0, 0, [](float x, float, float) { return std::tanh(x); }},
    {"sigmoid", 0, 0, 0, [](float x, float, float) { return 1 / (1 + std::exp(-x)); }},
    {"softsign", 0, 0, 0, [](float x, float, float) { return x / (1 + std::fabs(x)); }},
    {"softplus", 0, 0, 0,
     [](float x, float, float) { return std::max(x, 0.0f) + std::log1p(std::exp(-std::fabs(x))); }},
    {"affine", 2, 1, 0, [](float x, float alpha, float beta) { return alpha * x + beta; }},
    {"leakyrelu", 1, 0.01f, 0, [](float x, float alpha, float) { return x < 0 ? alpha * x : x; }},
    {"thresholdedrelu", 1, 1, 0, [](float x, float alpha, float) { return x > alpha ? x : 0.0f; }},
    {"scaledtanh", 2, 1, 1, [](float x, float alpha, float beta) { return alpha * std::tanh(beta * x); }},
    {"hardsigmoid", 2, 0.2f, 0.5f,
     [](float x, float alpha, float beta) { return std::min(std::max(alpha * x + beta, 0.0f), 1.0f); }},
    {"elu", 1, 1, 0, [](float x, float alpha, float) { return x < 0 ? alpha * std::expm1(x) : x; }},
};

template <typename T>
const std::vector<T>* ListAttribute(const Node& node, const std::string& name) {
  const auto it = node.attributes.find(name);
  return it == node.attributes.end() ? nullptr : std::get_if<std::vector<T>>(&it->second);
}

// Functions take from the lists of alphas and betas in order, each as many as it has parameters.
absl::StatusOr<std::vector<ActivationFunction>> ReadActivations(const Node& node, const std::vector<std::string>& names) {
  const auto* alphas = ListAttribute<float>(node, "activation_alpha");
  const auto* betas = ListAttribute<float>(node, "activation_beta");
  size_t next_alpha = 0, next_beta = 0;
  std::vector<ActivationFunction> activations;
  for (const std::string& name : names) {
    const std::string lower = absl::AsciiStrToLower(name);
    const auto* form = std::find_if(std::begin(kActivations), std::end(kActivations),
                                    [&](const ActivationForm& candidate) { return candidate.name == lower; });
    if (form == std::end(kActivations)) return BadAttribute(absl::StrCat("there is no activation '", name, "'"));
    float alpha = form->alpha, beta = form->beta;
    if (form->parameters > 0 && alphas != nullptr && next_alpha < alphas->size()) alpha = (*alphas)[next_alpha++];
    if (form->parameters > 1 && betas != nullptr && next_beta < betas->size()) beta = (*betas)[next_beta++];
    activations.push_back([apply = form->apply, alpha, beta](float x) { return apply(x, alpha, beta); });
  }
  return activations;
}

}  // namespace

float Clipped(float x, float clip) { return clip > 0 ? std::min(std::max(x, -clip), clip) : x; }

absl::StatusOr<RecurrentOptions> ReadRecurrentOptions(const Node& node, const std::vector<std::string>& defaults) {
  RecurrentOptions options;
  options.hidden = node.Int("hidden_size", 0);
  if (options.hidden < 0 || options.hidden > kHiddenMax) {
    return BadAttribute(absl::StrCat("hidden_size is ", options.hidden));
  }
  const std::string direction = node.String("direction", "forward");
  if (direction == "forward") {
    options.reverse = {false};
  } else if (direction == "reverse") {
    options.reverse = {true};
  } else if (direction == "bidirectional") {
    options.reverse = {false, true};
  } else {
    return BadAttribute(absl::StrCat("direction is '", direction, "'"));
  }
  std::vector<std::string> names;
  for (size_t i = 0; i < options.reverse.size(); ++i) names.insert(names.end(), defaults.begin(), defaults.end());
  if (const auto* given = ListAttribute<std::string>(node, "activations"); given != nullptr && !given->empty()) {
    if (given->size() != names.size()) {
      return BadAttribute(absl::StrCat("activations has ", given->size(), " names, expected ", names.size()));
    }
    names = *given;
  }
  ASSIGN_OR_RETURN(options.activations, ReadActivations(node, names));
  options.clip = node.Float("clip", 0);
  if (!(options.clip >= 0)) return BadAttribute(absl::StrCat("clip is ", options.clip));
  const int64_t layout = node.Int("layout", 0);
  if (layout != 0 && layout != 1) return BadAttribute(absl::StrCat("layout is ", layout));
  options.batch_first = layout == 1;
  return options;
}

}  // namespace quantd::cpu
