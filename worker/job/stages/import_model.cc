#include <map>

#include "common/error.h"
#include "common/status_macros.h"
#include "worker/io/onnx/reader.h"
#include "worker/job/stages/check_spec.h"
#include "worker/job/stages/stages.h"
#include "worker/quantize/prepare_model.h"

namespace quantd {

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
  return PrepareModel(job.model);
}

}  // namespace quantd
