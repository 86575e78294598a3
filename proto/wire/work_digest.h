// The identity of a job's work: what server and worker key results and checkpoints by.
#pragma once

#include <google/protobuf/message.h>

#include <string>

#include "quantd/v1/spec.pb.h"

namespace quantd {

// The message's bytes in a fixed order of fields and map entries; equal messages give equal bytes
// in one build.
std::string DeterministicBytes(const google::protobuf::Message& message);

// SHA-256 of the spec without `gates` and `execution`, which change no result.
std::string WorkDigest(const v1::JobSpec& spec);

}  // namespace quantd
