#include "worker/job/stages/measure_integer.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/backend.h"
#include "worker/quality/metrics.h"

namespace quantd {
namespace {

// Batches that are compared and turns that are timed: a few seconds of the largest models. The median of nine turns lies
// between the second and the eighth with a probability of 1 - 2 (1 + 9) / 2^9.
constexpr int64_t kTurns = 9;

using Clock = std::chrono::steady_clock;

absl::StatusOr<double> SecondsOf(const Executor& executor, const TensorMap& feeds) {
  const Clock::time_point begin = Clock::now();
  RETURN_IF_ERROR(executor.Run(feeds).status());
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// The largest difference as a share of the range of `expected`; 0 where that has no range.
double ShareApart(const Tensor& expected, const Tensor& actual) {
  double lowest = std::numeric_limits<double>::infinity(), highest = -lowest, apart = 0;
  for (int64_t i = 0; i < expected.size(); ++i) {
    const double value = expected.data<float>()[i];
    lowest = std::min(lowest, value);
    highest = std::max(highest, value);
    apart = std::max(apart, std::abs(value - actual.data<float>()[i]));
  }
  return highest > lowest ? apart / (highest - lowest) : 0;
}

int64_t SameClass(const Tensor& expected, const Tensor& actual) {
  const int64_t classes = expected.dim(1);
  int64_t same = 0;
  for (int64_t row = 0; row < expected.dim(0); ++row) {
    const float* a = expected.data<float>() + row * classes;
    const float* b = actual.data<float>() + row * classes;
    same += std::max_element(a, a + classes) - a == std::max_element(b, b + classes) - b;
  }
  return same;
}

// What the batches add up to.
struct Comparison {
  int64_t rows = 0;
  int64_t same = 0;
  bool has_classes = false;
  double apart = 0;

  void Add(const TensorMap& expected, const TensorMap& actual) {
    for (const auto& [name, tensor] : expected) {
      if (tensor.dtype() == DataType::kFloat) apart = std::max(apart, ShareApart(tensor, actual.at(name)));
    }
    const Tensor& first = expected.begin()->second;
    rows += first.rank() > 0 ? first.dim(0) : 1;
    has_classes = DetectOutputKind(expected) != OutputKind::kOther;
    if (has_classes) same += SameClass(first, actual.begin()->second);
  }
};

}  // namespace

absl::Status MeasureIntegerExecution(JobState& job, const Executor& full, const Executor& simulated) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Executor> integer,
                   CompileGraph(job.quantized, job.model.opset(), CpuBackend(), {.arithmetic = Arithmetic::kInteger}));
  const std::map<std::string, int64_t> operators = integer->OperatorCounts();
  int64_t layers = 0;
  for (const char* const type : {"IntegerConv", "IntegerMatMul"}) {
    const auto it = operators.find(type);
    if (it != operators.end()) layers += it->second;
  }
  if (layers == 0) return absl::OkStatus();

  const BatchSource batches = job.Batches(job.EvaluationData(), job.split.evaluation);
  Comparison comparison;
  std::vector<double> speedups;
  for (int64_t turn = 0; turn < kTurns && batches.batches > 0; ++turn) {
    ASSIGN_OR_RETURN(const TensorMap feeds, batches.load(turn % batches.batches));
    // Both also prepare their kernels for this shape, which the time is not to hold.
    ASSIGN_OR_RETURN(const TensorMap actual, integer->Run(feeds));
    RETURN_IF_ERROR(full.Run(feeds).status());
    if (turn < batches.batches) {
      ASSIGN_OR_RETURN(const TensorMap expected, simulated.Run(feeds));
      comparison.Add(expected, actual);
    }
    ASSIGN_OR_RETURN(const double float_seconds, SecondsOf(full, feeds));
    ASSIGN_OR_RETURN(const double integer_seconds, SecondsOf(*integer, feeds));
    speedups.push_back(float_seconds / std::max(integer_seconds, 1e-9));
  }
  if (comparison.rows == 0) return absl::OkStatus();
  std::sort(speedups.begin(), speedups.end());
  IntegerExecution& result = job.report.measured.integer.emplace();
  result.layers = layers;
  result.rows = comparison.rows;
  result.speedup = speedups[kTurns / 2];
  result.speedup_lower = speedups[1];
  result.speedup_upper = speedups[kTurns - 2];
  result.output_difference = comparison.apart;
  if (comparison.has_classes) {
    result.top1_agreement = static_cast<double>(comparison.same) / static_cast<double>(comparison.rows);
  }
  result.exact_sums = CpuSumsBytesExactly();
  if (!result.exact_sums) {
    job.progress.Warn(absl::StrCat("integer execution ran on ", CpuInstructionSet(),
                                   ", which saturates pairs of products: weights of 7 bits (reduce_range) would be exact"));
  }
  return absl::OkStatus();
}

}  // namespace quantd
