// A job's folder as the agent prepares it, for tests that run the whole engine in this process.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "quantd/v1/report.pb.h"
#include "quantd/v1/spec.pb.h"
#include "worker/graph/graph.h"
#include "worker/job/protocol/job_folder.h"

namespace quantd::testing {

class JobBench {
 public:
  JobBench();
  ~JobBench();
  JobBench(const JobBench&) = delete;
  JobBench& operator=(const JobBench&) = delete;

  // Puts the content among the inputs.
  v1::FileRef AddFile(const std::string& name, const std::string& content);

  // Runs the job on an empty output folder and returns its verdict. Checkpoints stay.
  absl::Status Run(const v1::JobSpec& spec, int threads = 1);

  // Of the last run.
  v1::QualityReport Report() const;
  std::map<std::string, std::string> OutputFiles() const;
  std::vector<std::string> Checkpoints() const;

  const JobFolder& folder() const { return folder_; }

 private:
  const JobFolder folder_;
};

// Bytes of a .npy file.
std::string FloatNpy(const Shape& shape, const std::vector<float>& values);
std::string Int64Npy(const Shape& shape, const std::vector<int64_t>& values);

// Numbers in [lower, upper), the same for the same seed.
std::vector<float> Noise(int64_t count, float lower, float upper, uint64_t seed);
std::vector<int64_t> Classes(int64_t count, int64_t classes, uint64_t seed);

std::string TestModel(const std::string& name);  // The bytes of tests/data/models/<name>.onnx.
std::string Serialized(const Graph& graph);      // As an ONNX file of opset 13.

// x [N,4] -> Gemm "first" -> Relu "middle" -> Gemm "last" -> y [N,3].
Graph TinyGraph();

// The tiny model on 40 rows of noise with labels, preset w8a8-minmax, 10 rows for calibration.
v1::JobSpec TinySpec(JobBench& bench);

}  // namespace quantd::testing
