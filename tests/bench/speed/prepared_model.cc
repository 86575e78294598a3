#include "tests/bench/speed/prepared_model.h"

#include <filesystem>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/status_macros.h"
#include "worker/backend/backend.h"
#include "worker/job/protocol/event_pipe.h"
#include "worker/job/recipe_proto.h"
#include "worker/job/stages/stages.h"
#include "worker/quantize/quantization_plan.h"

namespace quantd::bench {

absl::StatusOr<PreparedModel> PrepareModel(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string root, MakeTemporaryFolder("quantd-speed"));
  const absl::Cleanup remove = [&root] { (void)RemoveAll(root); };
  const JobFolder folder{root};
  RETURN_IF_ERROR(CreateFolders(folder.InputsFolder()));
  v1::JobSpec spec;
  // Every preset observes the same tensors in the same way.
  spec.mutable_recipe()->set_preset("w8a8-minmax");
  v1::FileRef& file = *spec.mutable_model()->add_files();
  file.set_name(std::filesystem::path(path).filename().string());
  file.set_digest("model");
  std::error_code error;
  std::filesystem::create_symlink(std::filesystem::absolute(path), folder.InputFile("model"),
                                  error);
  if (error) return absl::InternalError(absl::StrCat(path, ": ", error.message()));

  const SystemClock clock;
  EventWriter events(-1);
  Progress progress(&clock, &events);
  const Checkpoint checkpoint(folder.CheckpointFolder(), "speed");
  JobState job{
      .spec = spec, .folder = folder, .threads = 1, .checkpoint = checkpoint, .progress = progress};
  RETURN_IF_ERROR(ImportModel(job));
  PreparedModel prepared;
  ASSIGN_OR_RETURN(const Recipe recipe, ExpandRecipe(spec.recipe()));
  ASSIGN_OR_RETURN(const QuantizationPlan plan, PlanQuantization(job.model.graph, recipe));
  prepared.observed = TensorsToObserve(plan);
  prepared.model = std::move(job.model);
  ASSIGN_OR_RETURN(prepared.executor,
                   CompileGraph(prepared.model.graph, prepared.model.opset(), CpuBackend()));
  return prepared;
}

}  // namespace quantd::bench
