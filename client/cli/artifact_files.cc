#include "client/cli/artifact_files.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/output.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

// Relative, with no part that is empty or leads upwards: the rule of FileRef, which a hostile
// server might break.
bool IsSafeName(const std::string& name) {
  for (absl::string_view part : absl::StrSplit(name, '/')) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return !absl::StrContains(name, '\\') && name.find('\0') == std::string::npos;
}

Transfer MakeTransfer(Invocation& invocation) {
  return Transfer(&invocation.client, invocation.retry, invocation.env.clock, invocation.sleeper);
}

}  // namespace

absl::StatusOr<v1::Artifact> ArtifactOf(Invocation& invocation, const v1::Job& job) {
  if (job.result().artifact().empty()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NO_ARTIFACT",
                     absl::StrCat(job.name(), " is ", v1::Job::State_Name(job.state()),
                                  " and has no artifact", IsFinished(job.state()) ? "" : " yet"));
  }
  return invocation.client.GetArtifact(job.result().artifact());
}

absl::StatusOr<std::vector<std::string>> DownloadArtifact(Invocation& invocation,
                                                          const v1::Job& job,
                                                          const std::string& folder) {
  ASSIGN_OR_RETURN(const v1::Artifact artifact, ArtifactOf(invocation, job));
  Transfer transfer = MakeTransfer(invocation);
  std::vector<std::string> paths;
  for (const v1::FileRef& file : artifact.files()) {
    if (!IsSafeName(file.name())) {
      return MakeError(
          absl::StatusCode::kDataLoss, "UNSAFE_FILE_NAME",
          absl::StrCat("the artifact names a file '", file.name(), "', outside of ", folder));
    }
    paths.push_back(absl::StrCat(folder, "/", file.name()));
    RETURN_IF_ERROR(transfer.Download(file, paths.back()));
  }
  return paths;
}

absl::Status DownloadHtmlReport(Invocation& invocation, const v1::Job& job,
                                const std::string& path) {
  ASSIGN_OR_RETURN(const v1::Artifact artifact, ArtifactOf(invocation, job));
  for (const v1::FileRef& file : artifact.files()) {
    if (absl::EndsWith(file.name(), ".html")) return MakeTransfer(invocation).Download(file, path);
  }
  return MakeError(absl::StatusCode::kNotFound, "NO_HTML_REPORT",
                   absl::StrCat(artifact.name(), " holds no HTML report"));
}

std::string DescribeUpload(const UploadSummary& summary) {
  const std::string files = absl::StrCat(summary.files, summary.files == 1 ? " file" : " files");
  if (summary.uploaded_files == 0) return absl::StrCat("uploaded nothing; the server had ", files);
  const std::string size = absl::StrCat(" (", FormatBytes(summary.uploaded_bytes), ")");
  if (summary.uploaded_files == summary.files) return absl::StrCat("uploaded ", files, size);
  return absl::StrCat("uploaded ", summary.uploaded_files, " of ", files, size,
                      "; the server had the rest");
}

}  // namespace quantd
