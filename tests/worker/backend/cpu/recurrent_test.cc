// LSTM, GRU and RNN against their equations, unit by unit, in double.
#include <cmath>
#include <functional>
#include <string>

#include "tests/worker/backend/cpu/kernel_bench.h"

namespace quantd {
namespace {

using testing::Attributes;
using testing::ExpectNear;
using testing::Floats;
using testing::HasReason;
using testing::RandomTensor;
using testing::RunOp;

constexpr int64_t kSteps = 4, kBatch = 3, kInput = 2, kHidden = 3;
const Tensor kAbsent;

struct RecurrentCase {
  std::string name;
  std::string type;
  int64_t gates;
  Attributes attributes;
  bool reverse = false;
  std::vector<int32_t> lengths = {4, 4, 4};
  bool peepholes = false;
};

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// One direction of the cell in its simplest form: [steps, batch, hidden], states after the last step at the end.
class Reference {
 public:
  Reference(const RecurrentCase& c, const std::vector<Tensor>& inputs) : c_(c), inputs_(inputs) {}

  std::vector<double> y = std::vector<double>(kSteps * kBatch * kHidden, 0);
  std::vector<double> state, cell;

  void Run() {
    for (int64_t i = 0; i < kBatch * kHidden; ++i) {
      state.push_back(inputs_[5].data<float>()[i]);
      cell.push_back(c_.type == "LSTM" ? inputs_[6].data<float>()[i] : 0);
    }
    for (int64_t b = 0; b < kBatch; ++b) {
      const int64_t length = c_.lengths[static_cast<size_t>(b)];
      for (int64_t i = 0; i < length; ++i) Step(c_.reverse ? length - 1 - i : i, b);
    }
  }

 private:
  double W(int64_t row, int64_t t, int64_t b) const {
    double sum = inputs_[3].data<float>()[row];
    for (int64_t k = 0; k < kInput; ++k) {
      sum += inputs_[1].data<float>()[row * kInput + k] * inputs_[0].data<float>()[(t * kBatch + b) * kInput + k];
    }
    return sum;
  }
  double R(int64_t row, const std::vector<double>& h) const {
    double sum = inputs_[3].data<float>()[c_.gates * kHidden + row];
    for (int64_t k = 0; k < kHidden; ++k) sum += inputs_[2].data<float>()[row * kHidden + k] * h[static_cast<size_t>(k)];
    return sum;
  }
  double P(int64_t gate, int64_t i) const {
    return c_.peepholes ? inputs_[7].data<float>()[gate * kHidden + i] : 0;
  }
  bool Flag(const std::string& name) const { return c_.attributes.count(name) > 0; }
  double Clip(double x) const {
    const auto it = c_.attributes.find("clip");
    if (it == c_.attributes.end()) return x;
    const double clip = std::get<float>(it->second);
    return std::min(std::max(x, -clip), clip);
  }

  void Step(int64_t t, int64_t b) {
    const std::vector<double> before(state.begin() + b * kHidden, state.begin() + (b + 1) * kHidden);
    const auto gate = [&](int64_t g, int64_t i) { return W(g * kHidden + i, t, b) + R(g * kHidden + i, before); };
    std::vector<double> reset_state = before;
    for (int64_t i = 0; c_.type == "GRU" && i < kHidden; ++i) {
      reset_state[static_cast<size_t>(i)] *= Sigmoid(Clip(gate(1, i)));
    }
    for (int64_t i = 0; i < kHidden; ++i) {
      const size_t at = static_cast<size_t>(b * kHidden + i);
      double& c = cell[at];
      if (c_.type == "RNN") {
        state[at] = std::tanh(Clip(gate(0, i)));
      } else if (c_.type == "GRU") {
        const double z = Sigmoid(Clip(gate(0, i))), r = Sigmoid(Clip(gate(1, i)));
        const double h = Flag("linear_before_reset") ? r * R(2 * kHidden + i, before) : R(2 * kHidden + i, reset_state);
        state[at] = (1 - z) * std::tanh(Clip(W(2 * kHidden + i, t, b) + h)) + z * before[static_cast<size_t>(i)];
      } else {
        const double in = Sigmoid(Clip(gate(0, i) + P(0, i) * c));
        const double forget = Flag("input_forget") ? 1 - in : Sigmoid(Clip(gate(2, i) + P(2, i) * c));
        c = forget * c + in * std::tanh(Clip(gate(3, i)));
        state[at] = Sigmoid(Clip(gate(1, i) + P(1, i) * c)) * std::tanh(c);
      }
      y[static_cast<size_t>((t * kBatch + b) * kHidden + i)] = state[at];
    }
  }

  const RecurrentCase& c_;
  const std::vector<Tensor>& inputs_;
};

std::vector<Tensor> SomeInputs(const RecurrentCase& c, int64_t directions = 1) {
  std::vector<Tensor> inputs = {RandomTensor({kSteps, kBatch, kInput}, 1),
                                RandomTensor({directions, c.gates * kHidden, kInput}, 2),
                                RandomTensor({directions, c.gates * kHidden, kHidden}, 3),
                                RandomTensor({directions, 2 * c.gates * kHidden}, 4),
                                Tensor::Of<int32_t>({kBatch}, c.lengths),
                                RandomTensor({directions, kBatch, kHidden}, 5)};
  if (c.type == "LSTM") {
    inputs.push_back(RandomTensor({directions, kBatch, kHidden}, 6));
    inputs.push_back(c.peepholes ? RandomTensor({directions, 3 * kHidden}, 7) : Tensor());
  }
  return inputs;
}

class RecurrentTest : public ::testing::TestWithParam<RecurrentCase> {};

TEST_P(RecurrentTest, FollowsItsEquations) {
  const RecurrentCase& c = GetParam();
  const std::vector<Tensor> inputs = SomeInputs(c);
  Attributes attributes = c.attributes;
  attributes["hidden_size"] = kHidden;
  if (c.reverse) attributes["direction"] = std::string("reverse");
  ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> outputs, RunOp(c.type, inputs, attributes, 14, c.type == "LSTM" ? 3 : 2));
  Reference reference(c, inputs);
  reference.Run();
  ExpectNear(outputs[0], {kSteps, 1, kBatch, kHidden}, reference.y, 1e-5);
  ExpectNear(outputs[1], {1, kBatch, kHidden}, reference.state, 1e-5);
  if (c.type == "LSTM") ExpectNear(outputs[2], {1, kBatch, kHidden}, reference.cell, 1e-5);
}

INSTANTIATE_TEST_SUITE_P(
    Cells, RecurrentTest,
    ::testing::Values(RecurrentCase{"Rnn", "RNN", 1, {}},
                      RecurrentCase{"RnnReverse", "RNN", 1, {{"clip", 0.5f}}, true, {4, 2, 0}},
                      RecurrentCase{"Gru", "GRU", 3, {}, false, {1, 4, 3}},
                      RecurrentCase{"GruReverse", "GRU", 3, {{"clip", 0.3f}}, true, {3, 1, 4}},
                      RecurrentCase{"GruLinear", "GRU", 3, {{"linear_before_reset", int64_t{1}}}},
                      RecurrentCase{"Lstm", "LSTM", 4, {}, false, {4, 3, 1}},
                      RecurrentCase{"LstmPeepholes", "LSTM", 4, {{"clip", 0.4f}}, true, {2, 4, 1}, true},
                      RecurrentCase{"LstmCoupled", "LSTM", 4, {{"input_forget", int64_t{1}}}, false, {4, 4, 4}, true}),
    [](const auto& info) { return info.param.name; });

// The part of a tensor that belongs to one direction, its leading axis.
Tensor Half(const Tensor& both, int64_t direction) { return both.Rows(direction, 1); }

TEST(RecurrentFormsTest, BothDirectionsAreTheTwoDirections) {
  const RecurrentCase c{"", "LSTM", 4, {}, false, {4, 2, 3}, true};
  const std::vector<Tensor> inputs = SomeInputs(c, 2);
  ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> both, RunOp("LSTM", inputs, {{"direction", std::string("bidirectional")}}, 14, 3));
  for (int64_t d = 0; d < 2; ++d) {
    std::vector<Tensor> own = inputs;
    for (const size_t i : {1, 2, 3, 5, 6, 7}) own[i] = Half(inputs[i], d);
    ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> one,
                         RunOp("LSTM", own, {{"direction", std::string(d == 0 ? "forward" : "reverse")}}, 14, 3));
    EXPECT_TRUE(IdenticalTensors(Half(both[1], d), one[1]));
    EXPECT_TRUE(IdenticalTensors(Half(both[2], d), one[2]));
    for (int64_t t = 0; t < kSteps; ++t) {
      EXPECT_TRUE(IdenticalTensors(Half(both[0].Rows(t, 1).Reshaped({2, kBatch, kHidden}), d),
                                   one[0].Rows(t, 1).Reshaped({1, kBatch, kHidden})));
    }
  }
}

TEST(RecurrentFormsTest, LayoutOneTurnsEverythingAround) {
  const RecurrentCase c{"", "LSTM", 4, {}, false, {4, 2, 3}};
  std::vector<Tensor> inputs = SomeInputs(c, 2);
  const Attributes attributes = {{"direction", std::string("bidirectional")}};
  ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> first, RunOp("LSTM", inputs, attributes, 14, 3));
  const auto transpose = [](const Tensor& x, std::vector<int64_t> order) {
    return testing::RunOne("Transpose", {x}, {{"perm", std::move(order)}}).value();
  };
  for (const size_t i : {0, 5, 6}) inputs[i] = transpose(inputs[i], {1, 0, 2});
  Attributes turned = attributes;
  turned["layout"] = int64_t{1};
  ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> second, RunOp("LSTM", inputs, turned, 14, 3));
  EXPECT_TRUE(IdenticalTensors(second[0], transpose(first[0], {2, 0, 1, 3})));
  EXPECT_TRUE(IdenticalTensors(second[1], transpose(first[1], {1, 0, 2})));
  EXPECT_TRUE(IdenticalTensors(second[2], transpose(first[2], {1, 0, 2})));
}

TEST(RecurrentFormsTest, ActivationsTakeTheirNumbersInOrder) {
  // h = f(x) for weights 1 and no recurrence: each activation of x = -2 or 2 is known.
  const Tensor x = Floats({1, 2, 1}, {-2, 2}), one = Floats({2, 1, 1}, {1, 1}), zero = Floats({2, 1, 1}, {0, 0});
  const auto run = [&](const std::string& forward, const std::string& backward, std::vector<float> alpha, std::vector<float> beta) {
    return RunOp("RNN", {x, one, zero},
                 {{"direction", std::string("bidirectional")},
                  {"activations", std::vector<std::string>{forward, backward}},
                  {"activation_alpha", std::move(alpha)},
                  {"activation_beta", std::move(beta)}}, 14, 1).value()[0];
  };
  const auto f = [](double v) { return static_cast<double>(v); };
  ExpectNear(run("LeakyRelu", "affine", {0.5f, 3}, {1}), {1, 2, 2, 1}, {f(-1), f(2), f(-5), f(7)}, 1e-6);
  ExpectNear(run("Tanh", "ScaledTanh", {2}, {0.5f}), {1, 2, 2, 1},
             {-std::tanh(2.0), std::tanh(2.0), -2 * std::tanh(1.0), 2 * std::tanh(1.0)}, 1e-6);
  ExpectNear(run("HardSigmoid", "Elu", {}, {}), {1, 2, 2, 1}, {0.1, 0.9, std::exp(-2.0) - 1, 2}, 1e-6);
  ExpectNear(run("ThresholdedRelu", "Relu", {2}, {}), {1, 2, 2, 1}, {0, 0, 0, 2}, 1e-6);
  ExpectNear(run("Softsign", "Softplus", {}, {}), {1, 2, 2, 1},
             {-2 / 3.0, 2 / 3.0, std::log1p(std::exp(-2.0)), 2 + std::log1p(std::exp(-2.0))}, 1e-6);
}

TEST(RecurrentFormsTest, WhatDoesNotFitIsRefused) {
  const RecurrentCase c{"", "GRU", 3, {}};
  const std::vector<Tensor> inputs = SomeInputs(c);
  const auto run = [&](Attributes attributes, size_t index = 0, const Tensor& other = {}) {
    std::vector<Tensor> changed = inputs;
    if (other.defined()) changed[index] = other;
    return RunOp("GRU", changed, std::move(attributes), 14, 2);
  };
  EXPECT_THAT(run({{"hidden_size", int64_t{4}}}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(run({{"hidden_size", int64_t{-4}}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(run({{"direction", std::string("sideways")}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(run({{"activations", std::vector<std::string>{"Tanh"}}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(run({{"activations", std::vector<std::string>{"Tanh", "Cosh"}}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(run({{"clip", -1.0f}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(run({{"layout", int64_t{2}}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(run({}, 4, Tensor::Of<int32_t>({3}, {4, 5, 4})), HasReason("BAD_INDEX"));
  EXPECT_THAT(run({}, 3, RandomTensor({1, 7}, 1)), HasReason("BAD_SHAPE"));
  EXPECT_THAT(run({}, 5, RandomTensor({1, 2, 3}, 1)), HasReason("BAD_SHAPE"));
  EXPECT_THAT(run({}, 0, RandomTensor({4, 3}, 1)), HasReason("BAD_SHAPE"));
}

}  // namespace
}  // namespace quantd
