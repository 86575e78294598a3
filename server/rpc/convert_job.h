// Jobs, events and artifacts between the core's structs and the API's messages.
#pragma once

#include "absl/status/statusor.h"
#include "quantd/v1/artifact.pb.h"
#include "quantd/v1/job.pb.h"
#include "server/core/job.h"
#include "server/core/job_queue.h"

namespace quantd {

v1::Job::State StateToProto(JobState state);

// Everything but spec, result.report, gate results and conditions. Of the spec, the preset.
v1::Job ToProto(const Job& job);

// The whole job, conditions excepted. DATA_LOSS when the stored bytes do not parse.
absl::StatusOr<v1::Job> ToProto(const FullJob& full);

v1::JobEvent ToProto(const JobEvent& event);
// Sequence and time are left to the queue.
JobEvent FromProto(const v1::JobEvent& event);

v1::Artifact ToProto(const Artifact& artifact);
std::vector<StoredFile> FromProto(const google::protobuf::RepeatedPtrField<v1::FileRef>& files);

}  // namespace quantd
