#include <memory>
#include <optional>

#include "common/status_macros.h"
#include "worker/exec/executor.h"
#include "worker/job/stages/stages.h"
#include "worker/observe/binary_codec.h"
#include "worker/quantize/calibrate.h"

namespace quantd {
namespace {

constexpr char kCheckpointName[] = "statistics";

std::string Serialize(const std::map<std::string, TensorStatistics>& statistics) {
  BinaryWriter writer;
  writer.Unsigned(statistics.size());
  for (const auto& [tensor, values] : statistics) {
    writer.Bytes(tensor);
    writer.Bytes(values.Serialize());
  }
  return writer.Take();
}

absl::StatusOr<std::map<std::string, TensorStatistics>> Parse(absl::string_view bytes) {
  BinaryReader reader(bytes);
  ASSIGN_OR_RETURN(const uint64_t count, reader.Unsigned());
  std::map<std::string, TensorStatistics> statistics;
  for (uint64_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const absl::string_view tensor, reader.Bytes());
    ASSIGN_OR_RETURN(absl::string_view values, reader.Bytes());
    ASSIGN_OR_RETURN(statistics[std::string(tensor)], TensorStatistics::Parse(values));
  }
  return statistics;
}

}  // namespace

absl::Status Calibrate(JobState& job) {
  // Weights alone, and codes made at run time, need no pass over the data.
  if (TensorsToObserve(job.quantization_plan).empty()) return absl::OkStatus();
  const std::optional<std::string> saved = job.checkpoint.Load(kCheckpointName);
  if (saved) {
    ASSIGN_OR_RETURN(job.statistics, Parse(*saved));
    return absl::OkStatus();
  }
  BatchSource rows = job.Batches(*job.data, job.split.calibration);
  rows.done = [&](int64_t done) { job.progress.Step(done, rows.batches); };
  ASSIGN_OR_RETURN(job.statistics,
                   CalibrateTensors(job.model.graph, job.model.opset(),
                                    TensorsToObserve(job.quantization_plan), rows, job.threads));
  return job.checkpoint.Save(kCheckpointName, Serialize(job.statistics));
}

}  // namespace quantd
