#include <map>

#include "common/error.h"
#include "common/status_macros.h"
#include "worker/backend/backend.h"
#include "worker/exec/fold_constants.h"
#include "worker/exec/operator_support.h"
#include "worker/graph/rewrites/convert_opset.h"
#include "worker/graph/rewrites/fold_batch_norm.h"
#include "worker/graph/rewrites/fold_conv_add.h"
#include "worker/graph/rewrites/remove_identities.h"
#include "worker/io/onnx/reader.h"
#include "worker/job/stages/check_spec.h"
#include "worker/job/stages/stages.h"

namespace quantd {
namespace {

// Per-axis QuantizeLinear and DequantizeLinear exist from here on.
constexpr int64_t kOpsetMin = 13;

}  // namespace

std::string MainFile(const v1::ModelInput& model) {
  const bool only_one = model.main_file().empty() && model.files_size() == 1;
  return only_one ? model.files(0).name() : model.main_file();
}

absl::Status ImportModel(JobState& job) {
  RETURN_IF_ERROR(CheckSpec(job.spec));
  const v1::ModelInput& input = job.spec.model();
  const std::string main_file = MainFile(input);
  std::map<std::string, std::string> files;
  for (const v1::FileRef& file : input.files()) {
    files[file.name()] = job.folder.InputFile(file.digest());
    job.original_bytes += file.size_bytes();
    job.report.inputs.push_back({"model", file.name(), file.digest()});
  }
  const auto main = files.find(main_file);
  if (main == files.end()) {
    return InvalidField("INVALID_SPEC", "spec.model.main_file",
                        "must name one of the model's files");
  }
  const std::string path = main->second;
  files.erase(main);
  ASSIGN_OR_RETURN(job.model, ReadOnnxModel(path, files));
  job.report.model_name = main_file;

  if (const absl::Status raised = RaiseOpset(job.model, kOpsetMin); !raised.ok()) {
    // Of operators that we lack in any version a list of all says more than the first that has no newer form.
    RETURN_IF_ERROR(CheckSupport(job.model.graph, job.model.opset(), CpuBackend()));
    return raised;
  }
  Graph& graph = job.model.graph;
  RETURN_IF_ERROR(RemoveIdentities(graph));
  RETURN_IF_ERROR(FoldConstants(graph, job.model.opset(), CpuBackend()));
  RETURN_IF_ERROR(FoldBatchNorm(graph));
  RETURN_IF_ERROR(FoldConvAdd(graph));
  RemoveDeadNodes(graph);
  return absl::OkStatus();
}

}  // namespace quantd
