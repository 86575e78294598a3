// The folder of one job on a worker: the only thing that the agent and the child process share.
//
//   spec.pb        the JobSpec
//   inputs/D       every input blob by digest D (hard links into the blob cache)
//   checkpoint/    finished stages; survives a lost attempt
//   output/        files/NAME, report.pb, and last status.pb: the child's verdict, written atomically
#pragma once

#include <string>

namespace quantd {

struct JobFolder {
  std::string path;

  std::string SpecFile() const { return path + "/spec.pb"; }
  std::string InputsFolder() const { return path + "/inputs"; }
  std::string InputFile(const std::string& digest) const { return InputsFolder() + "/" + digest; }
  std::string CheckpointFolder() const { return path + "/checkpoint"; }
  std::string OutputFolder() const { return path + "/output"; }
  std::string OutputFilesFolder() const { return OutputFolder() + "/files"; }
  std::string ReportFile() const { return OutputFolder() + "/report.pb"; }
  std::string StatusFile() const { return OutputFolder() + "/status.pb"; }
};

}  // namespace quantd
