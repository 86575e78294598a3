#include "tests/onnx_backend/case.h"

#include <algorithm>
#include <filesystem>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "tests/onnx_backend/compare.h"
#include "tests/onnx_backend/value_file.h"
#include "worker/backend/backend.h"
#include "worker/exec/executor.h"
#include "worker/io/onnx/reader.h"

namespace quantd::onnx_backend {
namespace {

namespace fs = std::filesystem;

constexpr const char* kGroups[] = {"node", "simple", "pytorch-converted", "pytorch-operator"};

std::string InputFile(const std::string& set, size_t i) { return absl::StrCat(set, "/input_", i, ".pb"); }

absl::Status RunSet(const Model& model, const Executor& executor, const std::string& set) {
  TensorMap feeds;
  for (size_t i = 0; fs::exists(InputFile(set, i)); ++i) {
    if (i >= model.graph.inputs.size()) return absl::InternalError("more input files than inputs");
    const ValueInfo& input = model.graph.inputs[i];
    ASSIGN_OR_RETURN(feeds[input.name], ReadValueFile(InputFile(set, i), input));
  }
  ASSIGN_OR_RETURN(const TensorMap results, executor.Run(feeds));
  for (size_t i = 0; i < model.graph.outputs.size(); ++i) {
    const ValueInfo& output = model.graph.outputs[i];
    ASSIGN_OR_RETURN(const Tensor expected,
                     ReadValueFile(absl::StrCat(set, "/output_", i, ".pb"), output));
    RETURN_IF_ERROR(Annotate(CompareValues(expected, results.at(output.name)),
                             absl::StrCat("output '", output.name, "'")));
  }
  return absl::OkStatus();
}

}  // namespace

std::string Case::path() const {
  return absl::StrCat(QUANTD_ONNX_TEST_DATA, "/", group, "/", name);
}

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (const char* group : kGroups) {
    for (const auto& entry : fs::directory_iterator(fs::path(QUANTD_ONNX_TEST_DATA) / group)) {
      cases.push_back({group, entry.path().filename().string()});
    }
  }
  std::sort(cases.begin(), cases.end(), [](const Case& a, const Case& b) {
    return std::pair(a.group, a.name) < std::pair(b.group, b.name);
  });
  return cases;
}

absl::Status RunCase(const Case& test) {
  ASSIGN_OR_RETURN(const Model model, ReadOnnxModel(test.path() + "/model.onnx", {}));
  ASSIGN_OR_RETURN(const std::unique_ptr<Executor> executor,
                   CompileGraph(model.graph, model.opset(), CpuBackend()));
  std::vector<std::string> sets;
  for (const auto& entry : fs::directory_iterator(test.path())) {
    if (absl::StartsWith(entry.path().filename().string(), "test_data_set_")) {
      sets.push_back(entry.path().string());
    }
  }
  if (sets.empty()) return absl::InternalError("the case has no data");
  std::sort(sets.begin(), sets.end());
  for (const std::string& set : sets) RETURN_IF_ERROR(RunSet(model, *executor, set));
  return absl::OkStatus();
}

}  // namespace quantd::onnx_backend
