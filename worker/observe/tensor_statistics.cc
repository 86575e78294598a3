#include "worker/observe/tensor_statistics.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>

#include "common/status_macros.h"
#include "worker/kernels/select_kernels.h"
#include "worker/observe/binary_codec.h"

namespace quantd {

namespace {

constexpr size_t kRunLength = 16;    // Values next to each other, one cache line, are counted together or not at all.
constexpr size_t kPieceRuns = 64;

// One in `share` runs of values: of each `share` that follow each other, one by lot. Fixed steps would fall in step
// with the rows and channels of a tensor and see only some of them.
template <typename Visit>
void DrawRuns(absl::Span<const float> values, size_t share, uint64_t seed, const Visit& visit) {
  std::array<float, kPieceRuns * kRunLength> piece;
  size_t filled = 0;
  const size_t runs = (values.size() + kRunLength - 1) / kRunLength;
  uint64_t state = seed;
  for (size_t group = 0; group < runs; group += share) {
    // Knuth's linear congruential generator (MMIX), of which the upper bits are the better ones.
    state = state * 6364136223846793005u + 1442695040888963407u;
    const size_t run = group + static_cast<size_t>(((state >> 32) * share) >> 32);
    if (run >= runs) continue;  // The last group may be shorter: its runs keep their chance.
    const absl::Span<const float> drawn = values.subspan(run * kRunLength, kRunLength);
    if (filled + drawn.size() > piece.size()) {
      visit(absl::MakeConstSpan(piece.data(), filled));
      filled = 0;
    }
    std::copy(drawn.begin(), drawn.end(), piece.begin() + static_cast<std::ptrdiff_t>(filled));
    filled += drawn.size();
  }
  visit(absl::MakeConstSpan(piece.data(), filled));
}

}  // namespace

BatchRange TensorStatistics::Count(absl::Span<const float> values) {
  const ValueRange range = Kernels().range(values.data(), values.size());
  const size_t share = std::min(values.size() / kCountedMin, kShareMax);
  if (share <= 1 || !range.finite) {
    histogram_.Update(values, range);
  } else {
    // The seed differs from batch to batch, so that each looks elsewhere.
    const uint64_t seed = (uint64_t{std::bit_cast<uint32_t>(range.lower)} << 32) | std::bit_cast<uint32_t>(range.upper);
    DrawRuns(values, share, seed,
             [&](absl::Span<const float> drawn) { histogram_.Update(drawn, range, share); });
  }
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
