#include "tests/worker/quantize/onnxruntime_bench.h"

#include <sys/wait.h>

#include <cstdio>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "common/status_macros.h"
#include "tests/support/temporary_folder.h"
#include "worker/io/onnx/reader.h"
#include "worker/io/onnx/writer.h"

namespace quantd::testing {
namespace {

constexpr char kNodeFolder[] = QUANTD_SOURCE_DIR "/tests/node";
constexpr int64_t kFileBytesMax = 64 << 20;

template <typename T>
std::vector<double> Values(const std::string& bytes) {
  std::vector<double> values;
  for (size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof(T));
    values.push_back(static_cast<double>(value));
  }
  return values;
}

absl::StatusOr<std::vector<double>> ValuesOfType(const std::string& bytes, const std::string& type) {
  if (type == "float32") return Values<float>(bytes);
  if (type == "uint8") return Values<uint8_t>(bytes);
  if (type == "int8") return Values<int8_t>(bytes);
  if (type == "uint16") return Values<uint16_t>(bytes);
  if (type == "int16") return Values<int16_t>(bytes);
  return absl::InternalError("unexpected type " + type);
}

absl::StatusOr<std::string> RunCommand(const std::string& command) {
  std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return absl::InternalError("cannot start " + command);
  std::string output;
  char buffer[4096];
  size_t read;
  while ((read = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0) output.append(buffer, read);
  const int status = ::pclose(pipe);
  if (status != 0) return absl::InternalError(absl::StrCat(command, ": ", output));
  return output;
}

absl::StatusOr<std::string> WriteInput(const std::string& name, const Tensor& tensor, const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/", name, ".in");
  RETURN_IF_ERROR(WriteFileAtomically(path, absl::string_view(static_cast<const char*>(tensor.raw()), tensor.bytes())));
  return absl::StrCat(name, ":", tensor.dtype() == DataType::kInt64 ? "int64" : "float32", ":",
                      absl::StrJoin(tensor.shape(), "x"), ":", path);
}

}  // namespace

std::string WhyNoOnnxRuntime() {
  if (!std::filesystem::exists(absl::StrCat(kNodeFolder, "/node_modules/onnxruntime-node"))) {
    return "npm package onnxruntime-node is not installed; deploy/install-deps.sh does that";
  }
  return RunCommand("node --version").ok() ? "" : "there is no node";
}

absl::StatusOr<OnnxRuntimeRun> RunInOnnxRuntime(const Graph& graph, int64_t opset, const TensorMap& feeds,
                                                const std::string& level) {
  const TemporaryFolder folder;
  const std::string model = folder.path() + "/model.onnx", out = folder.path() + "/out";
  ASSIGN_OR_RETURN(const std::string bytes,
                   SerializeOnnxModel({.graph = graph, .opset_imports = {{"", opset}, {"com.microsoft", 1}}}));
  RETURN_IF_ERROR(WriteFileAtomically(model, bytes));
  std::vector<std::string> words = {"node", absl::StrCat(kNodeFolder, "/run_model.js"), model, level, out};
  for (const auto& [name, tensor] : feeds) {
    ASSIGN_OR_RETURN(words.emplace_back(), WriteInput(name, tensor, folder.path()));
  }
  ASSIGN_OR_RETURN(const std::string printed, RunCommand(absl::StrJoin(words, " ")));
  OnnxRuntimeRun run;
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(printed, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> cells = absl::StrSplit(line, ' ');
    if (cells.size() < 2) return absl::InternalError(absl::StrCat("unexpected line: ", line));
    ASSIGN_OR_RETURN(const std::string values, ReadFile(absl::StrCat(out, ".", number++, ".bin"), kFileBytesMax));
    ASSIGN_OR_RETURN(run.outputs[cells[0]], ValuesOfType(values, cells[1]));
  }
  ASSIGN_OR_RETURN(const Model optimized, ReadOnnxModel(out + ".onnx", {}));
  for (const Node& node : optimized.graph.nodes) ++run.op_types[node.op_type];
  return run;
}

}  // namespace quantd::testing
