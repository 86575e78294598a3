#include "client/cli/artifact_files.h"
#include "client/cli/commands/registry.h"
#include "client/cli/exit_code.h"
#include "client/cli/output.h"
#include "client/lib/local_files.h"
#include "client/lib/transfer.h"
#include "common/status_macros.h"

namespace quantd::commands::upload {
namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  std::vector<LocalFile> files;
  for (const std::string& path : invocation.flags.arguments()) {
    if (IsFolder(path)) {
      ASSIGN_OR_RETURN(const std::vector<LocalFile> found, WalkFolder(path));
      files.insert(files.end(), found.begin(), found.end());
    } else {
      ASSIGN_OR_RETURN(LocalFile file, DescribeFile(path, BaseName(path)));
      files.push_back(std::move(file));
    }
  }
  Transfer transfer(&invocation.client, invocation.retry, invocation.env.clock, invocation.sleeper);
  ASSIGN_OR_RETURN(const UploadSummary summary, transfer.Upload(files));
  v1::CreateArtifactRequest request;
  request.set_parent(invocation.parent());
  for (const LocalFile& file : files) *request.mutable_artifact()->add_files() = file.ref;
  if (invocation.flags.Has("artifact")) {
    ASSIGN_OR_RETURN(const v1::Artifact artifact, invocation.client.CreateArtifact(request));
    if (invocation.json()) {
      RETURN_IF_ERROR(PrintJson(artifact, invocation.env.out));
      return kExitOk;
    }
    invocation.env.out << artifact.name() << "\n";
  } else if (invocation.json()) {
    RETURN_IF_ERROR(PrintJson(request.artifact(), invocation.env.out));
    return kExitOk;
  }
  Table table({"DIGEST", "SIZE", "NAME"});
  for (const LocalFile& file : files) {
    table.Add({file.ref.digest(), FormatBytes(file.ref.size_bytes()), file.ref.name()});
  }
  table.Print(invocation.env.out);
  invocation.env.err << DescribeUpload(summary) << "\n";
  return kExitOk;
}

}  // namespace

const Command& Info() {
  static const Command kCommand = {
      .name = "upload",
      .position = 20,
      .summary = "Upload files ahead of a job.",
      .arguments = "PATH...",
      .arguments_min = 1,
      .arguments_max = 10'000,
      .description =
          "Sends the files (and the files below folders) that the server does not have yet, and "
          "prints their digests. "
          "'submit' does this by itself; upload ahead to share files between jobs or to use "
          "digests in a --spec file.",
      .flags = {{"artifact", Arity::kSwitch, "",
                 "Also make the files an artifact and print its name first."}},
      .examples = {"quantctl upload vit.onnx images/"},
      .run = Run};
  return kCommand;
}

}  // namespace quantd::commands::upload
