// RNN, GRU and LSTM: the arithmetic of one step, after the operators' equations. Element-wise work is in float, as the
// products are.
#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/onednn.h"
#include "worker/backend/cpu/recurrent.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

float At(const float* values, int64_t i) { return values == nullptr ? 0.0f : values[i]; }

// state [batch, H] times gates [first, first + count) of the recurrence, transposed: [batch, count H].
absl::Status Recur(const RecurrentStep& step, const float* state, int64_t first, int64_t count, float* out) {
  const int64_t h = step.hidden;
  return MatrixProduct(false, true, step.batch, count * h, h, 1, state, step.recurrence + first * h * h, 0, out);
}

// Calls visit(b, i) for each unit of each sequence that goes on.
template <typename Visit>
void ForEachUnit(const RecurrentStep& step, Visit visit) {
  for (int64_t b = 0; b < step.batch; ++b) {
    if (!(*step.active)[static_cast<size_t>(b)]) continue;
    for (int64_t i = 0; i < step.hidden; ++i) visit(b, i);
  }
}

// H = f(X W^T + H' R^T + Wb + Rb)
absl::Status StepRnn(const RecurrentOptions& options, const RecurrentStep& step) {
  const ActivationFunction& f = options.activations[step.direction];
  std::vector<float> recurrent(static_cast<size_t>(step.batch * step.hidden));
  RETURN_IF_ERROR(Recur(step, step.state, 0, 1, recurrent.data()));
  ForEachUnit(step, [&](int64_t b, int64_t i) {
    const int64_t at = b * step.hidden + i;
    const float sum = step.input[at] + recurrent[static_cast<size_t>(at)] + At(step.input_bias, i) + At(step.recurrent_bias, i);
    step.next_state[at] = f(Clipped(sum, options.clip));
  });
  return absl::OkStatus();
}

// z = f(X Wz^T + H' Rz^T + Wbz + Rbz), r likewise,
// h = g(X Wh^T + (r H') Rh^T + Rbh + Wbh), or with the reset after the product g(X Wh^T + r (H' Rh^T + Rbh) + Wbh),
// H = (1 - z) h + z H'. Gates lie in the order z, r, h.
absl::Status StepGru(const RecurrentOptions& options, bool linear_before_reset, const RecurrentStep& step) {
  const ActivationFunction& f = options.activations[2 * step.direction];
  const ActivationFunction& g = options.activations[2 * step.direction + 1];
  const int64_t h = step.hidden;
  const size_t units = static_cast<size_t>(step.batch * h);
  std::vector<float> gates(2 * units), update(units), reset(units), candidate(units);
  RETURN_IF_ERROR(Recur(step, step.state, 0, 2, gates.data()));
  const auto gate = [&](int64_t b, int64_t i, int64_t which) {
    const float sum = step.input[(b * 3 + which) * h + i] + gates[static_cast<size_t>((b * 2 + which) * h + i)] +
                      At(step.input_bias, which * h + i) + At(step.recurrent_bias, which * h + i);
    return f(Clipped(sum, options.clip));
  };
  // What the recurrent product sees: all of the state, or what the reset gate leaves of it.
  std::vector<float> seen(step.state, step.state + units);
  ForEachUnit(step, [&](int64_t b, int64_t i) {
    const size_t at = static_cast<size_t>(b * h + i);
    update[at] = gate(b, i, 0);
    reset[at] = gate(b, i, 1);
    if (!linear_before_reset) seen[at] *= reset[at];
  });
  RETURN_IF_ERROR(Recur(step, seen.data(), 2, 1, candidate.data()));
  ForEachUnit(step, [&](int64_t b, int64_t i) {
    const size_t at = static_cast<size_t>(b * h + i);
    float recurrent = candidate[at] + At(step.recurrent_bias, 2 * h + i);
    if (linear_before_reset) recurrent *= reset[at];
    const float sum = step.input[(b * 3 + 2) * h + i] + recurrent + At(step.input_bias, 2 * h + i);
    step.next_state[at] = (1 - update[at]) * g(Clipped(sum, options.clip)) + update[at] * step.state[at];
  });
  return absl::OkStatus();
}

// i = f(X Wi^T + H' Ri^T + Pi C' + Wbi + Rbi), the forget gate likewise (or 1 - i), c = g(X Wc^T + H' Rc^T + Wbc + Rbc),
// C = forget C' + i c, o = f(X Wo^T + H' Ro^T + Po C + Wbo + Rbo), H = o h(C). Gates lie in the order i, o, f, c.
absl::Status StepLstm(const RecurrentOptions& options, bool input_forget, const float* peepholes,
                      const RecurrentStep& step) {
  const ActivationFunction* functions = options.activations.data() + 3 * step.direction;
  const int64_t h = step.hidden;
  const float* p = peepholes == nullptr ? nullptr : peepholes + static_cast<int64_t>(step.direction) * 3 * h;
  std::vector<float> recurrent(static_cast<size_t>(step.batch * 4 * h));
  RETURN_IF_ERROR(Recur(step, step.state, 0, 4, recurrent.data()));
  ForEachUnit(step, [&](int64_t b, int64_t i) {
    const auto sum = [&](int64_t which, float peeped) {
      const int64_t at = (b * 4 + which) * h + i;
      const float total = step.input[at] + recurrent[static_cast<size_t>(at)] + At(step.input_bias, which * h + i) +
                          At(step.recurrent_bias, which * h + i) + peeped;
      return Clipped(total, options.clip);
    };
    float& cell = step.cell[b * h + i];
    const float in = functions[0](sum(0, At(p, i) * cell));
    const float forget = input_forget ? 1 - in : functions[0](sum(2, At(p, 2 * h + i) * cell));
    cell = forget * cell + in * functions[1](sum(3, 0));
    const float out = functions[0](sum(1, At(p, h + i) * cell));
    step.next_state[b * h + i] = out * functions[2](cell);
  });
  return absl::OkStatus();
}

Maker MakeRnn(const KernelContext& context) {
  ASSIGN_OR_RETURN(const RecurrentOptions options, ReadRecurrentOptions(context.node, {"Tanh"}));
  return MakeKernelFrom([options](const Inputs& inputs, Outputs& outputs) {
    const RecurrentCell cell{.gates = 1, .step = [&](const RecurrentStep& step) { return StepRnn(options, step); }};
    return RunRecurrent(options, cell, inputs, outputs);
  });
}

Maker MakeGru(const KernelContext& context) {
  ASSIGN_OR_RETURN(const RecurrentOptions options, ReadRecurrentOptions(context.node, {"Sigmoid", "Tanh"}));
  const bool linear_before_reset = context.node.Int("linear_before_reset", 0) != 0;
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) {
    const RecurrentCell cell{.gates = 3, .step = [&](const RecurrentStep& step) {
                               return StepGru(options, linear_before_reset, step);
                             }};
    return RunRecurrent(options, cell, inputs, outputs);
  });
}

Maker MakeLstm(const KernelContext& context) {
  ASSIGN_OR_RETURN(const RecurrentOptions options, ReadRecurrentOptions(context.node, {"Sigmoid", "Tanh", "Tanh"}));
  const bool input_forget = context.node.Int("input_forget", 0) != 0;
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 2));
    if (inputs[2]->rank() != 3) return BadShape("the recurrent weights are not [directions, gates, hidden]");
    const int64_t hidden = inputs[2]->dim(2);
    if (hidden > (int64_t{1} << 40)) return BadShape("the hidden size is too large");
    ASSIGN_OR_RETURN(const float* peepholes, OptionalFloats(inputs, 7, {inputs[2]->dim(0), 3 * hidden}));
    const RecurrentCell cell{.gates = 4, .has_cell_state = true, .step = [&](const RecurrentStep& step) {
                               return StepLstm(options, input_forget, peepholes, step);
                             }};
    return RunRecurrent(options, cell, inputs, outputs);
  });
}

constexpr KernelEntry kEntries[] = {{"RNN", 1, &MakeRnn}, {"GRU", 1, &MakeGru}, {"LSTM", 1, &MakeLstm}};

}  // namespace

std::span<const KernelEntry> RecurrentKernels() { return kEntries; }

}  // namespace quantd::cpu
