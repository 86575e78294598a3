#include "worker/observe/tensor_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/status_macros.h"
#include "worker/kernels/select_kernels.h"
#include "worker/observe/binary_codec.h"

namespace quantd {

BatchRange TensorStatistics::Count(absl::Span<const float> values) {
  const ValueRange range = Kernels().range(values.data(), values.size());
  histogram_.Update(values, range);
  return {range.lower, range.upper};
}

void TensorStatistics::Merge(const TensorStatistics& later) {
  batches_.insert(batches_.end(), later.batches_.begin(), later.batches_.end());
  histogram_.Merge(later.histogram_);
}

void TensorStatistics::Join(const TensorStatistics& other) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (batches_.size() < other.batches_.size()) batches_.resize(other.batches_.size(), {kInfinity, -kInfinity});
  for (size_t i = 0; i < other.batches_.size(); ++i) {
    batches_[i].lower = std::min(batches_[i].lower, other.batches_[i].lower);
    batches_[i].upper = std::max(batches_[i].upper, other.batches_[i].upper);
  }
  histogram_.Merge(other.histogram_);
}

float TensorStatistics::min() const {
  float lowest = std::numeric_limits<float>::infinity();
  for (const BatchRange& batch : batches_) lowest = std::min(lowest, batch.lower);
  return std::isfinite(lowest) ? lowest : 0;
}

float TensorStatistics::max() const {
  float highest = -std::numeric_limits<float>::infinity();
  for (const BatchRange& batch : batches_) highest = std::max(highest, batch.upper);
  return std::isfinite(highest) ? highest : 0;
}

std::string TensorStatistics::Serialize() const {
  BinaryWriter writer;
  writer.Unsigned(batches_.size());
  for (const BatchRange& batch : batches_) {
    writer.Float(batch.lower);
    writer.Float(batch.upper);
  }
  return writer.Take() + histogram_.Serialize();
}

absl::StatusOr<TensorStatistics> TensorStatistics::Parse(absl::string_view& bytes) {
  TensorStatistics statistics;
  BinaryReader reader(bytes);
  ASSIGN_OR_RETURN(const uint64_t batches, reader.Unsigned());
  if (batches > reader.rest().size() / 8) {
    return absl::InvalidArgumentError("more batches than bytes");
  }
  for (uint64_t i = 0; i < batches; ++i) {
    BatchRange range;
    ASSIGN_OR_RETURN(range.lower, reader.Float());
    ASSIGN_OR_RETURN(range.upper, reader.Float());
    statistics.batches_.push_back(range);
  }
  bytes = reader.rest();
  ASSIGN_OR_RETURN(statistics.histogram_, PowerOfTwoHistogram::Parse(bytes));
  return statistics;
}

}  // namespace quantd
