// One case of the ONNX project's backend tests: a folder with a model and sets of inputs and outputs.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace quantd::onnx_backend {

struct Case {
  std::string group;  // "node", "simple", "pytorch-converted", "pytorch-operator"
  std::string name;   // "test_abs"
  std::string path() const;
};

// The cases of all groups, by name. Read from the folder that CMake found.
std::vector<Case> AllCases();

// Reads the model, runs it on every set of inputs and compares: types and shapes exactly, numbers as ONNX's own
// runner does. The first thing that goes wrong is the answer.
absl::Status RunCase(const Case& test);

}  // namespace quantd::onnx_backend
