// What LSTM, GRU and RNN share: attributes, layouts, directions and sequence lengths. A cell adds its arithmetic.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {

// An activation function with its alpha and beta bound.
using ActivationFunction = std::function<float(float)>;

struct RecurrentOptions {
  int64_t hidden = 0;
  std::vector<bool> reverse;            // One a direction: whether it walks from the end.
  std::vector<ActivationFunction> activations;  // `per_direction` for each direction, in the order of the operator's text.
  float clip = 0;                       // Bound of what enters an activation of a gate; 0: none.
  bool batch_first = false;             // Layout 1.
};

// Errors: INVALID_ARGUMENT, reason BAD_ATTRIBUTE. `defaults` names the activations of one direction.
absl::StatusOr<RecurrentOptions> ReadRecurrentOptions(const Node& node, const std::vector<std::string>& defaults);

// One step of one direction. All matrices are row-major; G is the number of gates, H the hidden size.
struct RecurrentStep {
  size_t direction = 0;
  int64_t batch = 0;
  int64_t hidden = 0;
  const float* input = nullptr;           // [batch, G H]: X W^T, without biases.
  const float* recurrence = nullptr;      // [G H, H]
  const float* input_bias = nullptr;      // [G H] or null; the recurrent bias comes with it.
  const float* recurrent_bias = nullptr;  // [G H] or null.
  const float* state = nullptr;           // [batch, H], of the step before.
  float* next_state = nullptr;            // [batch, H], to fill.
  float* cell = nullptr;                  // [batch, H], to update for the rows of `active`; null without a cell state.
  const std::vector<bool>* active = nullptr;  // [batch]: sequences that have not ended. Others' results are ignored.
};

struct RecurrentCell {
  int64_t gates = 1;
  bool has_cell_state = false;  // Input 6 and output 2, as LSTM has them.
  std::function<absl::Status(const RecurrentStep&)> step;
};

// Walks all directions and fills the node's outputs: Y, Y_h and, with a cell state, Y_c. Steps after a sequence's end are 0
// in Y; the last states are those of each sequence's last step.
//
// Inputs: X, W, R, B, sequence_lens, initial_h and, with a cell state, initial_c.
// Errors: INVALID_ARGUMENT, reason BAD_SHAPE, BAD_INDEX or UNSUPPORTED_TYPE; those of the step.
absl::Status RunRecurrent(const RecurrentOptions& options, const RecurrentCell& cell, const Inputs& inputs,
                          Outputs& outputs);

// Input `index`, or null when it is absent. BAD_SHAPE when it is there with another shape, UNSUPPORTED_TYPE when it is not float.
absl::StatusOr<const float*> OptionalFloats(const Inputs& inputs, size_t index, const Shape& expected);

// min(max(x, -clip), clip); x for clip 0.
float Clipped(float x, float clip);

}  // namespace quantd::cpu
