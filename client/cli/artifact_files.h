// Files of a finished job's artifact, and what is told of files that were uploaded.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/lib/transfer.h"
#include "quantd/v1/artifact.pb.h"
#include "quantd/v1/job.pb.h"

namespace quantd {

// The artifact of a job. FAILED_PRECONDITION, reason NO_ARTIFACT, when the job has none (yet).
absl::StatusOr<v1::Artifact> ArtifactOf(Invocation& invocation, const v1::Job& job);

// Downloads every file of the job's artifact below `folder`; returns their paths. Names that would
// leave the folder are refused: DATA_LOSS, reason UNSAFE_FILE_NAME.
absl::StatusOr<std::vector<std::string>> DownloadArtifact(Invocation& invocation,
                                                          const v1::Job& job,
                                                          const std::string& folder);

// Downloads the artifact's HTML report. NOT_FOUND, reason NO_HTML_REPORT, when it has none.
absl::Status DownloadHtmlReport(Invocation& invocation, const v1::Job& job,
                                const std::string& path);

// "uploaded 1 of 3 files (25.8 KiB); the server had the rest"
std::string DescribeUpload(const UploadSummary& summary);

}  // namespace quantd
