// The flags that describe a job, and the JobSpec that they make.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/flags.h"
#include "client/lib/local_files.h"
#include "quantd/v1/spec.pb.h"

namespace quantd {

const std::vector<FlagSpec>& SpecFlags();

struct SpecAndFiles {
  v1::JobSpec spec;
  std::vector<LocalFile> files;  // What the spec refers to and this machine holds.
};

// Starts from --spec, if given, and lets every other flag replace or add. Hashes the files. Checks
// syntax only: what the values may be is the server's to say, so that its answer is the same for
// every client.
absl::StatusOr<SpecAndFiles> BuildSpec(const ParsedFlags& flags);

}  // namespace quantd
