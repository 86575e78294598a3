// Which array feeds which model input.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"
#include "worker/io/data/array_file.h"

namespace quantd {

// UNKNOWN_INPUT when a binding names an input that the model lacks.
absl::Status CheckBindings(const std::map<std::string, std::string>& bindings,
                           const std::vector<ValueInfo>& model_inputs);

// Joins input_<i>.pb of several folders into one array a number, folder after folder in the order
// given. Arrays with other names stay as they are. BAD_DATA when types or row shapes differ.
absl::StatusOr<std::vector<NamedArray>> JoinFolders(std::vector<NamedArray> arrays);

// The position in `arrays` of what an input, a label or a binding calls `name`: the label (file, or
// key), or "file:key"; -1 when nothing or more than one thing has it.
int FindArray(const std::vector<NamedArray>& arrays, const std::string& name);

// For each model input, in order, the position of its array (dataset.h says how it is found).
// Errors: UNKNOWN_ARRAY, UNBOUND_INPUT.
absl::StatusOr<std::vector<int>> BindArrays(const std::map<std::string, std::string>& bindings,
                                            const std::vector<ValueInfo>& model_inputs,
                                            const std::vector<NamedArray>& arrays);

// What messages call each array.
std::vector<std::string> ArrayLabels(const std::vector<NamedArray>& arrays);

}  // namespace quantd
