// The flags that name a job's files: model, data, labels, preprocessing.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "client/cli/flags.h"
#include "client/lib/local_files.h"
#include "quantd/v1/spec.pb.h"

namespace quantd {

std::vector<FlagSpec> InputFlags();

// Adds model and data to `spec`, and the files behind them to `files`, hashed.
absl::Status AddInputs(const ParsedFlags& flags, v1::JobSpec& spec, std::vector<LocalFile>& files);

}  // namespace quantd
