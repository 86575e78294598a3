#include "worker/observe/tensor_statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "common/status_macros.h"
#include "worker/kernels/select_kernels.h"
#include "worker/observe/binary_codec.h"
#include "worker/observe/even_sample.h"

namespace quantd {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr size_t kPiece = 8192;      // A multiple of kSampleGroup.
constexpr size_t kSampleMax = 4096;  // Counted at once, so that the counters stay in the nearest cache.
static_assert(kPiece % kSampleGroup == 0 && kPiece / kSampleShare <= kSampleMax);

}  // namespace

BatchRange TensorStatistics::Count(absl::Span<const float> values, uint64_t batch) {
  const uint64_t before = batch * values.size() / kSampleGroup * kSampleGroup;
  ValueRange whole = {kInfinity, -kInfinity};
  std::array<float, kSampleMax> sample;
  size_t sampled = 0;
  // In pieces, so that what was read for the range is still at hand when it is counted. The last one was written last.
  for (size_t end = values.size(); end > 0;) {
    const size_t begin = (end - 1) / kPiece * kPiece;
    absl::Span<const float> piece = values.subspan(begin, end - begin);
    end = begin;
    const ValueRange range = Kernels().range(piece.data(), piece.size());
    whole.lower = std::min(whole.lower, range.lower);
    whole.upper = std::max(whole.upper, range.upper);
    if (before + begin >= kCountedInFull && range.finite) {
      const size_t groups = piece.size() / kSampleGroup;
      if (sampled + groups * kSampleRun > kSampleMax) {
        histogram_.Update(absl::MakeConstSpan(sample.data(), sampled), whole, kSampleShare);
        sampled = 0;
      }
      TakeEvenSample(piece.subspan(0, groups * kSampleGroup), before + begin, sample.data() + sampled);
      sampled += groups * kSampleRun;
      piece.remove_prefix(groups * kSampleGroup);
    }
    histogram_.Update(piece, range);
  }
  histogram_.Update(absl::MakeConstSpan(sample.data(), sampled), whole, kSampleShare);
  return {whole.lower, whole.upper};
}

void TensorStatistics::Merge(const TensorStatistics& later) {
  batches_.insert(batches_.end(), later.batches_.begin(), later.batches_.end());
  histogram_.Merge(later.histogram_);
}

void TensorStatistics::Join(const TensorStatistics& other) {
  if (batches_.size() < other.batches_.size()) batches_.resize(other.batches_.size(), {kInfinity, -kInfinity});
  for (size_t i = 0; i < other.batches_.size(); ++i) {
    batches_[i].lower = std::min(batches_[i].lower, other.batches_[i].lower);
    batches_[i].upper = std::max(batches_[i].upper, other.batches_[i].upper);
  }
  histogram_.Merge(other.histogram_);
}

float TensorStatistics::min() const {
  float lowest = kInfinity;
  for (const BatchRange& batch : batches_) lowest = std::min(lowest, batch.lower);
  return std::isfinite(lowest) ? lowest : 0;
}

float TensorStatistics::max() const {
  float highest = -kInfinity;
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
