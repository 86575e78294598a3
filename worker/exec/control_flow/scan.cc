#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "worker/exec/control_flow/body.h"

namespace quantd::control_flow {
namespace {

struct Settings {
  size_t states = 0;
  std::vector<int64_t> input_axes, output_axes;      // One a scan input or output; negative ones count from the end.
  std::vector<int64_t> input_backwards, output_backwards;  // 1: from the last slice to the first.
};

absl::Status BadScan(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_SHAPE", message);
}

// The states and the collected slices after `length` steps.
struct Result {
  std::vector<Tensor> states;
  std::vector<std::vector<Tensor>> collected;
};

absl::StatusOr<Result> Steps(const Body& body, const Settings& settings, std::vector<Tensor> states,
                             const std::vector<Tensor>& scanned, const std::vector<size_t>& axes,
                             int64_t length, const std::vector<const Tensor*>& node_inputs) {
  Result result{std::move(states), std::vector<std::vector<Tensor>>(body.outputs() - settings.states)};
  for (int64_t step = 0; step < length; ++step) {
    std::vector<Tensor> values = std::move(result.states);
    for (size_t i = 0; i < scanned.size(); ++i) {
      const int64_t at = settings.input_backwards[i] != 0 ? length - 1 - step : step;
      values.push_back(SliceAt(scanned[i], axes[i], at));
    }
    ASSIGN_OR_RETURN(std::vector<Tensor> made, body.Run(std::move(values), node_inputs));
    const auto states_end = made.begin() + static_cast<std::ptrdiff_t>(settings.states);
    result.states.assign(std::make_move_iterator(made.begin()), std::make_move_iterator(states_end));
    for (size_t k = 0; k < result.collected.size(); ++k) {
      result.collected[k].push_back(std::move(made[settings.states + k]));
    }
  }
  for (size_t k = 0; k < result.collected.size(); ++k) {
    if (settings.output_backwards[k] != 0) std::reverse(result.collected[k].begin(), result.collected[k].end());
  }
  return result;
}

// Node inputs and body inputs: N states, M tensors of which every step sees one slice. Outputs of both: N states, K
// slices that are collected.
class Scan final : public Kernel {
 public:
  Scan(Body body, Settings settings) : body_(std::move(body)), settings_(std::move(settings)) {}

  absl::Status Run(const std::vector<const Tensor*>& inputs, Outputs& outputs) const override {
    const IterationCount count;
    std::vector<Tensor> states, scanned;
    std::vector<size_t> axes;
    int64_t length = -1;
    for (size_t i = 0; i < body_.inputs(); ++i) {
      if (inputs[i] == nullptr) return BadScan(absl::StrCat("input ", i, " is missing"));
      if (i < settings_.states) {
        states.push_back(*inputs[i]);
        continue;
      }
      const Tensor& tensor = *inputs[i];
      const auto rank = static_cast<int64_t>(tensor.rank());
      const int64_t axis = settings_.input_axes[i - settings_.states];
      if (!tensor.is_array() || IsPacked(tensor.dtype()) || axis < -rank || axis >= rank) {
        return BadScan(absl::StrCat("input ", i, " has no axis ", axis, " to scan along"));
      }
      axes.push_back(static_cast<size_t>(axis < 0 ? axis + rank : axis));
      const int64_t extent = tensor.dim(axes.back());
      if (length >= 0 && extent != length) {
        return BadScan(absl::StrCat("the scanned axes have extents ", length, " and ", extent));
      }
      length = extent;
      scanned.push_back(tensor);
    }
    ASSIGN_OR_RETURN(Result result, Steps(body_, settings_, std::move(states), scanned, axes, length, inputs));
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (i < settings_.states) {
        outputs[i] = std::move(result.states[i]);
        continue;
      }
      const size_t k = i - settings_.states;
      ASSIGN_OR_RETURN(outputs[i], Stack(result.collected[k], settings_.output_axes[k], body_.output(i)));
    }
    return absl::OkStatus();
  }

 private:
  const Body body_;
  const Settings settings_;
};

// Opset 8: first an optional input of lengths; states and scanned tensors have the batch in front, the latter the
// sequence after it. Every row of the batch is a scan of its own; what is collected is filled up with zeros.
class BatchScan final : public Kernel {
 public:
  BatchScan(Body body, Settings settings) : body_(std::move(body)), settings_(std::move(settings)) {}

  absl::Status Run(const std::vector<const Tensor*>& inputs, Outputs& outputs) const override {
    const IterationCount count;
    int64_t batch = -1, sequence = -1;
    for (size_t i = 0; i < body_.inputs(); ++i) RETURN_IF_ERROR(Measure(inputs[1 + i], i, &batch, &sequence));
    ASSIGN_OR_RETURN(const std::vector<int64_t> lengths, Lengths(inputs[0], batch, sequence));
    std::vector<std::vector<Tensor>> rows(body_.outputs());
    for (int64_t row = 0; row < batch; ++row) {
      std::vector<Tensor> states, scanned;
      for (size_t i = 0; i < body_.inputs(); ++i) {
        (i < settings_.states ? states : scanned).push_back(SliceAt(*inputs[1 + i], 0, row));
      }
      const std::vector<size_t> axes(scanned.size(), 0);
      const int64_t length = lengths[static_cast<size_t>(row)];
      ASSIGN_OR_RETURN(Result result, Steps(body_, settings_, std::move(states), scanned, axes, length, inputs));
      for (size_t i = 0; i < settings_.states; ++i) rows[i].push_back(std::move(result.states[i]));
      for (size_t k = 0; k < result.collected.size(); ++k) {
        std::vector<Tensor>& slices = result.collected[k];
        if (!slices.empty() && SizeOf(slices[0].dtype()) > 0) {
          slices.resize(static_cast<size_t>(sequence), Tensor(slices[0].dtype(), slices[0].shape()));
        }
        ASSIGN_OR_RETURN(Tensor stacked, Stack(slices, 0, body_.output(settings_.states + k)));
        rows[settings_.states + k].push_back(std::move(stacked));
      }
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      ASSIGN_OR_RETURN(outputs[i], Stack(rows[i], 0, body_.output(i)));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Measure(const Tensor* tensor, size_t i, int64_t* batch, int64_t* sequence) const {
    const size_t axes = i < settings_.states ? 1 : 2;
    if (tensor == nullptr || !tensor->is_array() || IsPacked(tensor->dtype()) || tensor->rank() < axes) {
      return BadScan(absl::StrCat("input ", 1 + i, " lacks its batch or sequence axis"));
    }
    if ((*batch >= 0 && tensor->dim(0) != *batch) || (axes == 2 && *sequence >= 0 && tensor->dim(1) != *sequence)) {
      return BadScan("the batch or sequence extents of Scan's inputs differ");
    }
    *batch = tensor->dim(0);
    if (axes == 2) *sequence = tensor->dim(1);
    return absl::OkStatus();
  }

  static absl::StatusOr<std::vector<int64_t>> Lengths(const Tensor* given, int64_t batch, int64_t sequence) {
    if (given == nullptr) return std::vector<int64_t>(static_cast<size_t>(batch), sequence);
    if (given->dtype() != DataType::kInt64 || given->size() != batch) {
      return BadScan("the lengths of Scan must be int64, one a row of the batch");
    }
    std::vector<int64_t> lengths(given->data<int64_t>(), given->data<int64_t>() + batch);
    for (const int64_t length : lengths) {
      if (length < 0 || length > sequence) return BadScan(absl::StrCat("length ", length, " is out of range"));
    }
    return lengths;
  }

  const Body body_;
  const Settings settings_;
};

// One number a scan input or output: the attribute, or zeros.
absl::StatusOr<std::vector<int64_t>> PerTensor(const Node& node, const std::string& key, size_t count) {
  std::vector<int64_t> values = node.Ints(key);
  if (values.empty()) values.assign(count, 0);
  if (values.size() != count) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_ATTRIBUTE",
                     absl::StrCat(key, " of Scan has ", values.size(), " numbers instead of ", count));
  }
  return values;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Kernel>> MakeScan(const BodySource& source) {
  const Node& node = source.context.node;
  const bool batched = source.context.opset < 9;
  ASSIGN_OR_RETURN(Body body, Body::Compile(source, "body"));
  const int64_t scanned = node.Int("num_scan_inputs", 0);
  const size_t given = node.inputs.size() - (batched && !node.inputs.empty() ? 1 : 0);
  if (scanned < 1 || body.inputs() != given || static_cast<uint64_t>(scanned) > given) {
    return BadBody(absl::StrCat("Scan has ", given, " inputs and its body ", body.inputs(), ", of which ", scanned,
                                " are scanned"));
  }
  Settings settings{.states = given - static_cast<size_t>(scanned)};
  if (body.outputs() < settings.states || node.outputs.size() > body.outputs()) {
    return BadBody(absl::StrCat("the body of Scan has ", body.outputs(), " outputs for ", settings.states,
                                " states and ", node.outputs.size(), " outputs of the node"));
  }
  const auto inputs = static_cast<size_t>(scanned);
  const size_t collected = body.outputs() - settings.states;
  ASSIGN_OR_RETURN(settings.input_backwards,
                   PerTensor(node, batched ? "directions" : "scan_input_directions", inputs));
  ASSIGN_OR_RETURN(settings.output_backwards, PerTensor(node, "scan_output_directions", collected));
  ASSIGN_OR_RETURN(settings.input_axes, PerTensor(node, "scan_input_axes", inputs));
  ASSIGN_OR_RETURN(settings.output_axes, PerTensor(node, "scan_output_axes", collected));
  if (batched) return std::make_unique<BatchScan>(std::move(body), std::move(settings));
  return std::make_unique<Scan>(std::move(body), std::move(settings));
}

}  // namespace quantd::control_flow
