#include "worker/backend/cpu/recurrent.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/onednn.h"

namespace quantd::cpu {
namespace {

struct Extents {
  int64_t steps = 0;
  int64_t batch = 0;
  int64_t input = 0;
  int64_t hidden = 0;
  int64_t directions = 0;
};

absl::StatusOr<Extents> CheckShapes(const RecurrentOptions& options, int64_t gates, const Inputs& inputs) {
  for (size_t i = 0; i < 3; ++i) RETURN_IF_ERROR(RequireFloat(inputs, i));
  const Tensor& x = *inputs[0];
  const Tensor& w = *inputs[1];
  const Tensor& r = *inputs[2];
  Extents extents{.hidden = options.hidden, .directions = static_cast<int64_t>(options.reverse.size())};
  const bool ranks = x.rank() == 3 && w.rank() == 3 && r.rank() == 3;
  if (ranks) {
    extents.steps = x.dim(options.batch_first ? 1 : 0);
    extents.batch = x.dim(options.batch_first ? 0 : 1);
    extents.input = x.dim(2);
    // The attribute may be missing; the recurrent weights know.
    if (extents.hidden == 0) extents.hidden = r.dim(2);
  }
  const int64_t rows = extents.hidden < (int64_t{1} << 40) ? gates * extents.hidden : -1;
  if (!ranks || extents.hidden == 0 || w.shape() != Shape{extents.directions, rows, extents.input} ||
      r.shape() != Shape{extents.directions, rows, extents.hidden}) {
    return BadShape(absl::StrCat("input ", ShapeString(x.shape()), ", weights ", ShapeString(w.shape()), " and ",
                                 ShapeString(r.shape()), " do not fit for ", extents.directions,
                                 " directions and hidden size ", extents.hidden));
  }
  return extents;
}

absl::StatusOr<std::vector<int64_t>> Lengths(const Inputs& inputs, const Extents& extents) {
  if (inputs.size() <= 4 || inputs[4] == nullptr) {
    return std::vector<int64_t>(static_cast<size_t>(extents.batch), extents.steps);
  }
  if (inputs[4]->shape() != Shape{extents.batch}) {
    return BadShape(absl::StrCat("sequence_lens has shape ", ShapeString(inputs[4]->shape()), ", expected [",
                                 extents.batch, "]"));
  }
  ASSIGN_OR_RETURN(std::vector<int64_t> lengths, Integers(*inputs[4]));
  for (const int64_t length : lengths) {
    if (length < 0 || length > extents.steps) {
      return BadIndex(absl::StrCat("a sequence length of ", length, " is out of range for ", extents.steps, " steps"));
    }
  }
  return lengths;
}

// One run: what the directions read and fill. The last states are kept as [directions, batch, hidden].
struct Walk {
  const RecurrentOptions& options;
  const RecurrentCell& cell;
  const Extents extents;
  const std::vector<int64_t> lengths;
  const Inputs& inputs;
  const float* biases = nullptr;  // [directions, 2 G H] or null.
  float* y = nullptr;
  std::vector<float> state;
  std::vector<float> cell_state;

  size_t Count(int64_t a, int64_t b) const { return static_cast<size_t>(a * b); }

  // The row of X for a step of a sequence, and of Y without its direction.
  int64_t Row(int64_t step, int64_t b) const {
    return options.batch_first ? b * extents.steps + step : step * extents.batch + b;
  }

  void Store(int64_t step, int64_t b, int64_t direction, const float* values) {
    const int64_t h = extents.hidden;
    const int64_t row = options.batch_first
                            ? (b * extents.steps + step) * extents.directions + direction
                            : (step * extents.directions + direction) * extents.batch + b;
    if (y != nullptr) std::copy_n(values, h, y + row * h);
  }

  absl::Status Direction(int64_t direction, Outputs& memory);
};

absl::Status Walk::Direction(int64_t direction, Outputs& memory) {
  const int64_t h = extents.hidden, width = cell.gates * h, batch = extents.batch;
  const float* w = inputs[1]->data<float>() + direction * width * extents.input;
  RETURN_IF_ERROR(CheckedElementCount({batch, width}).status());
  // X W^T of all steps at once: [rows of X, G H].
  ASSIGN_OR_RETURN(Tensor products, memory.Make(DataType::kFloat, {extents.steps * batch, width}));
  RETURN_IF_ERROR(MatrixProduct(false, true, extents.steps * batch, width, extents.input, 1,
                                inputs[0]->data<float>(), w, 0, products.mutable_data<float>()));
  std::vector<float> gathered(Count(batch, width)), next(Count(batch, h));
  std::vector<bool> active(static_cast<size_t>(batch));
  float* own = state.data() + direction * batch * h;
  RecurrentStep step{.direction = static_cast<size_t>(direction), .batch = batch, .hidden = h};
  step.recurrence = inputs[2]->data<float>() + direction * width * h;
  if (biases != nullptr) {
    step.input_bias = biases + direction * 2 * width;
    step.recurrent_bias = step.input_bias + width;
  }
  step.input = gathered.data();
  step.state = own;
  step.next_state = next.data();
  step.cell = cell.has_cell_state ? cell_state.data() + direction * batch * h : nullptr;
  step.active = &active;
  const int64_t longest = lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
  const bool reverse = options.reverse[static_cast<size_t>(direction)];
  const auto position = [&](int64_t i, int64_t b) {
    return reverse ? lengths[static_cast<size_t>(b)] - 1 - i : i;
  };
  for (int64_t i = 0; i < longest; ++i) {
    for (int64_t b = 0; b < batch; ++b) {
      active[static_cast<size_t>(b)] = i < lengths[static_cast<size_t>(b)];
      if (!active[static_cast<size_t>(b)]) continue;
      std::copy_n(products.data<float>() + Row(position(i, b), b) * width, width, gathered.data() + b * width);
    }
    RETURN_IF_ERROR(cell.step(step));
    for (int64_t b = 0; b < batch; ++b) {
      if (!active[static_cast<size_t>(b)]) continue;
      std::copy_n(next.data() + b * h, h, own + b * h);
      Store(position(i, b), b, direction, own + b * h);
    }
  }
  return absl::OkStatus();
}

// [batch, directions, hidden] to [directions, batch, hidden], or back.
void SwapOuter(const float* from, int64_t outer, int64_t inner, int64_t hidden, float* to) {
  for (int64_t i = 0; i < outer; ++i) {
    for (int64_t j = 0; j < inner; ++j) std::copy_n(from + (i * inner + j) * hidden, hidden, to + (j * outer + i) * hidden);
  }
}

absl::StatusOr<std::vector<float>> InitialState(const Inputs& inputs, size_t index, const Extents& e,
                                                bool batch_first) {
  const Shape shape = batch_first ? Shape{e.batch, e.directions, e.hidden} : Shape{e.directions, e.batch, e.hidden};
  ASSIGN_OR_RETURN(const int64_t count, CheckedElementCount(shape));
  ASSIGN_OR_RETURN(const float* given, OptionalFloats(inputs, index, shape));
  std::vector<float> state(static_cast<size_t>(count), 0.0f);
  if (given != nullptr && batch_first) {
    SwapOuter(given, e.batch, e.directions, e.hidden, state.data());
  } else if (given != nullptr) {
    std::copy_n(given, count, state.data());
  }
  return state;
}

absl::StatusOr<Tensor> StateTensor(const std::vector<float>& state, const Extents& e, bool batch_first,
                                   Outputs& outputs) {
  const Shape shape = batch_first ? Shape{e.batch, e.directions, e.hidden} : Shape{e.directions, e.batch, e.hidden};
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, shape));
  if (batch_first) {
    SwapOuter(state.data(), e.directions, e.batch, e.hidden, out.mutable_data<float>());
  } else {
    std::copy(state.begin(), state.end(), out.mutable_data<float>());
  }
  return out;
}

}  // namespace

absl::StatusOr<const float*> OptionalFloats(const Inputs& inputs, size_t index, const Shape& expected) {
  if (index >= inputs.size() || inputs[index] == nullptr) return nullptr;
  RETURN_IF_ERROR(RequireFloat(inputs, index));
  if (inputs[index]->shape() != expected) {
    return BadShape(absl::StrCat("input ", index, " has shape ", ShapeString(inputs[index]->shape()), ", expected ",
                                 ShapeString(expected)));
  }
  return inputs[index]->data<float>();
}

absl::Status RunRecurrent(const RecurrentOptions& options, const RecurrentCell& cell, const Inputs& inputs,
                          Outputs& outputs) {
  ASSIGN_OR_RETURN(const Extents e, CheckShapes(options, cell.gates, inputs));
  ASSIGN_OR_RETURN(std::vector<int64_t> lengths, Lengths(inputs, e));
  Walk walk{.options = options, .cell = cell, .extents = e, .lengths = std::move(lengths), .inputs = inputs};
  ASSIGN_OR_RETURN(walk.biases, OptionalFloats(inputs, 3, {e.directions, 2 * cell.gates * e.hidden}));
  ASSIGN_OR_RETURN(walk.state, InitialState(inputs, 5, e, options.batch_first));
  if (cell.has_cell_state) {
    ASSIGN_OR_RETURN(walk.cell_state, InitialState(inputs, 6, e, options.batch_first));
  }
  const Shape shape = options.batch_first ? Shape{e.batch, e.steps, e.directions, e.hidden}
                                          : Shape{e.steps, e.directions, e.batch, e.hidden};
  ASSIGN_OR_RETURN(Tensor y, outputs.Make(DataType::kFloat, shape));
  walk.y = y.mutable_data<float>();
  std::fill_n(walk.y, y.size(), 0.0f);
  for (int64_t direction = 0; direction < e.directions; ++direction) {
    RETURN_IF_ERROR(walk.Direction(direction, outputs));
  }
  if (outputs.size() > 1) {
    ASSIGN_OR_RETURN(outputs[1], StateTensor(walk.state, e, options.batch_first, outputs));
  }
  if (cell.has_cell_state && outputs.size() > 2) {
    ASSIGN_OR_RETURN(outputs[2], StateTensor(walk.cell_state, e, options.batch_first, outputs));
  }
  outputs[0] = std::move(y);
  return absl::OkStatus();
}

}  // namespace quantd::cpu
