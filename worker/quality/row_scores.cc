#include "worker/quality/row_scores.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kProbabilitySumTolerance = 1e-3;

bool IsNumeric(DataType type) {
  return type == DataType::kFloat || type == DataType::kDouble || type == DataType::kInt32 ||
         type == DataType::kInt64;
}

template <typename T>
void AppendRow(const Tensor& tensor, int64_t row, int64_t width, std::vector<double>* values) {
  const T* data = tensor.data<T>() + row * width;
  for (int64_t i = 0; i < width; ++i) values->push_back(static_cast<double>(data[i]));
}

// Row `row` of the outermost axis as doubles. REQUIRES: IsNumeric, rank >= 1, the row exists.
std::vector<double> RowAsDoubles(const Tensor& tensor, int64_t row) {
  const int64_t width = tensor.size() / tensor.dim(0);
  std::vector<double> values;
  values.reserve(static_cast<size_t>(width));
  switch (tensor.dtype()) {
    case DataType::kFloat:
      AppendRow<float>(tensor, row, width, &values);
      break;
    case DataType::kDouble:
      AppendRow<double>(tensor, row, width, &values);
      break;
    case DataType::kInt32:
      AppendRow<int32_t>(tensor, row, width, &values);
      break;
    default:
      AppendRow<int64_t>(tensor, row, width, &values);
      break;
  }
  return values;
}

bool IsDistribution(absl::Span<const double> row) {
  double sum = 0;
  for (const double value : row) {
    if (!(value >= 0 && value <= 1)) return false;
    sum += value;
  }
  return std::abs(sum - 1) <= kProbabilitySumTolerance;
}

// Probabilities of a row of logits. Infinite ones get the limit: all mass on the +inf ones, none on
// the -inf ones.
std::vector<double> Softmax(absl::Span<const double> logits) {
  const double best = *std::max_element(logits.begin(), logits.end());
  std::vector<double> probabilities;
  double sum = 0;
  for (const double logit : logits) {
    const double weight = logit == best ? 1 : std::exp(logit - best);
    probabilities.push_back(weight);
    sum += weight;
  }
  for (double& probability : probabilities) probability /= sum;
  return probabilities;
}

// The row divided by its sum, with what quantization pushed below 0 put back to 0. An empty row
// stays empty: the floor then gives every class the same.
std::vector<double> Normalized(absl::Span<const double> row) {
  std::vector<double> probabilities;
  double sum = 0;
  for (const double value : row) {
    probabilities.push_back(std::min(std::max(value, 0.0), std::numeric_limits<double>::max()));
    sum += probabilities.back();
  }
  if (!(sum > 0 && std::isfinite(sum))) return probabilities;
  for (double& probability : probabilities) probability /= sum;
  return probabilities;
}

// sum p (ln p - ln q) with both logarithms floored. The floors can push the sum a rounding error
// below 0, where no divergence lies.
double KlDivergence(absl::Span<const double> p, absl::Span<const double> q) {
  double sum = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    sum += p[i] * (std::log(std::max(p[i], kProbabilityFloor)) -
                   std::log(std::max(q[i], kProbabilityFloor)));
  }
  return std::clamp(sum, 0.0, -std::log(kProbabilityFloor));
}

std::array<int32_t, kTopClasses> TopClasses(absl::Span<const double> row) {
  std::array<int32_t, kTopClasses> top;
  top.fill(-1);
  for (size_t i = 0; i < row.size(); ++i) {
    // Insertion behind every class that is at least as good: ties keep the lower index first.
    int32_t candidate = static_cast<int32_t>(i);
    bool shifting = false;
    for (int32_t& place : top) {
      if (shifting || place < 0 || row[i] > row[static_cast<size_t>(place)]) {
        std::swap(place, candidate);
        shifting = true;
        if (candidate < 0) break;
      }
    }
  }
  return top;
}

absl::Status NonFinite(absl::string_view model, size_t element, double value) {
  return MakeError(
      absl::StatusCode::kInvalidArgument, "NON_FINITE_OUTPUT",
      absl::StrCat("the ", model, " model's output holds ", value, " at element ", element));
}

}  // namespace

OutputKind DetectOutputKind(const std::map<std::string, Tensor>& reference_outputs) {
  if (reference_outputs.size() != 1) return OutputKind::kOther;
  const Tensor& output = reference_outputs.begin()->second;
  const bool floating = output.dtype() == DataType::kFloat || output.dtype() == DataType::kDouble;
  if (!floating || output.rank() < 2 || output.dim(1) < 2 || output.size() == 0) {
    return OutputKind::kOther;
  }
  if (output.size() != output.dim(0) * output.dim(1)) return OutputKind::kOther;
  for (int64_t row = 0; row < output.dim(0); ++row) {
    if (!IsDistribution(RowAsDoubles(output, row))) return OutputKind::kLogits;
  }
  return OutputKind::kProbabilities;
}

absl::StatusOr<RowScores> ScoreRow(OutputKind kind, absl::Span<const OutputRow> outputs) {
  RowScores scores;
  double product = 0;
  double quantized_square = 0;
  bool diverged = false;
  for (const OutputRow& output : outputs) {
    QUANTD_CHECK(output.reference.size() == output.quantized.size());
    for (size_t i = 0; i < output.reference.size(); ++i) {
      const double x = output.reference[i];
      const double q = output.quantized[i];
      if (!std::isfinite(x)) return NonFinite("full-precision", i, x);
      if (std::isnan(q)) return NonFinite("quantized", i, q);
      diverged = diverged || std::isinf(q);
      scores.signal += x * x;
      scores.noise += (x - q) * (x - q);
      quantized_square += q * q;
      product += x * q;
    }
  }
  if (diverged) {
    scores.noise = kInfinity;
  } else if (scores.noise == 0) {
    scores.cosine = 1;  // Equal rows are so exactly, whatever the square roots round to.
  } else if (scores.signal > 0 && quantized_square > 0) {
    scores.cosine =
        std::clamp(product / (std::sqrt(scores.signal) * std::sqrt(quantized_square)), -1.0, 1.0);
  }
  if (kind == OutputKind::kOther) return scores;

  QUANTD_CHECK(outputs.size() == 1 && !outputs[0].reference.empty());
  const auto& [reference, quantized] = outputs[0];
  scores.classes = static_cast<int32_t>(reference.size());
  scores.reference_top = TopClasses(reference);
  scores.quantized_top = TopClasses(quantized);
  scores.kl = kind == OutputKind::kLogits
                  ? KlDivergence(Softmax(reference), Softmax(quantized))
                  : KlDivergence(Normalized(reference), Normalized(quantized));
  return scores;
}

absl::StatusOr<std::vector<RowScores>> ScoreBatch(OutputKind kind,
                                                  const std::map<std::string, Tensor>& reference,
                                                  const std::map<std::string, Tensor>& quantized,
                                                  int64_t first_row) {
  int64_t rows = -1;
  for (const auto& [name, tensor] : reference) {
    const auto twin = quantized.find(name);
    if (twin == quantized.end() || twin->second.shape() != tensor.shape() ||
        twin->second.dtype() != tensor.dtype() || tensor.rank() == 0 ||
        (rows >= 0 && tensor.dim(0) != rows)) {
      return absl::InternalError(absl::StrCat("output ", name, " has no twin of its shape ",
                                              ShapeString(tensor.shape()),
                                              " and rows in the quantized model"));
    }
    if (!IsNumeric(tensor.dtype())) {
      return MakeError(absl::StatusCode::kUnimplemented, "UNSUPPORTED_OUTPUT_TYPE",
                       absl::StrCat("output ", name, " is of type ", DataTypeName(tensor.dtype()),
                                    ", which can not be compared"));
    }
    rows = tensor.dim(0);
  }
  if (rows < 0 || reference.size() != quantized.size() ||
      (kind != OutputKind::kOther &&
       (reference.size() != 1 || reference.begin()->second.size() == 0))) {
    return absl::InternalError("the models' outputs do not fit together");
  }

  std::vector<RowScores> scores;
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<std::vector<double>> values;
    for (const auto& [name, tensor] : reference) {
      values.push_back(RowAsDoubles(tensor, row));
      values.push_back(RowAsDoubles(quantized.at(name), row));
    }
    std::vector<OutputRow> outputs;
    for (size_t i = 0; i < values.size(); i += 2) outputs.push_back({values[i], values[i + 1]});
    absl::StatusOr<RowScores> scored = ScoreRow(kind, outputs);
    if (!scored.ok()) {
      return Annotate(scored.status(), absl::StrCat("evaluation row ", first_row + row));
    }
    scores.push_back(*scored);
  }
  return scores;
}

}  // namespace quantd
