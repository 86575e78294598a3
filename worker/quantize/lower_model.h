// From the graph that our executor simulates to the forms that runtimes load (worker/methods/export_form.h).
#pragma once

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"
#include "worker/methods/export_form.h"

namespace quantd {

// `simulated` in that form; it computes the same but for the order of sums. Weights that the form has no place for stay as
// they are. REQUIRES: MisfitOf(form, recipe) is empty for the recipe that made the graph.
absl::StatusOr<Model> LowerModel(const ExportFormInfo& form, const Model& simulated);

// Every product with a matrix that a DequantizeLinear unpacks in blocks becomes com.microsoft.MatMulNBits.
absl::StatusOr<Model> LowerToMatMulNBits(const Model& simulated);

}  // namespace quantd
