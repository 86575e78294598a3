// What a spec's own fields must keep to, before anything is read.
#pragma once

#include "absl/status/status.h"
#include "quantd/v1/spec.pb.h"

namespace quantd {

// Formats, export names, counts, levels and metric ids. Recipe and data are checked where their
// meaning is known.
//
// Errors: INVALID_ARGUMENT, reason INVALID_SPEC (a count or an enum out of range), UNKNOWN_FORMAT,
//         INVALID_FILE_NAME, INVALID_ALPHA or UNKNOWN_METRIC, naming the field.
absl::Status CheckSpec(const v1::JobSpec& spec);

}  // namespace quantd
