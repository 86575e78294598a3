// What calibration learns about one tensor: enough for every range method, so that the data is seen once.
//
// Batches are observed side by side into one object each and merged in batch order; the result is what observing
// them one after the other would give.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "worker/observe/power_of_two_histogram.h"

namespace quantd {

// The finite values of one batch; lower > upper when it had none.
struct BatchRange {
  float lower;
  float upper;

  friend bool operator==(const BatchRange&, const BatchRange&) = default;
};

class TensorStatistics {
 public:
  // Observes one batch.
  void Update(absl::Span<const float> values) { Append(Count(values, batches_.size())); }

  // The two halves of Update: what commutes, so that batches may be counted in any order and anywhere, and what does not.
  // Of the values of all batches one after the other (those before number `batch` taken to be of its size) the first
  // kCountedInFull are counted one by one, and of the rest a sample (even_sample.h), each value of it for kSampleShare.
  // Ranges, and how many values are not finite, are exact all the same.
  BatchRange Count(absl::Span<const float> values, uint64_t batch);
  static constexpr uint64_t kCountedInFull = uint64_t{1} << 18;
  void Append(const BatchRange& range) { batches_.push_back(range); }

  // Appends what `later` observed.
  void Merge(const TensorStatistics& later);

  // Counts what `other` observed as well, as if each of its batches had been part of the batch of the same number
  // here: the statistics of several tensors that share one code. Order does not matter.
  void Join(const TensorStatistics& other);

  // Over all finite values; 0 when there was none.
  float min() const;
  float max() const;
  const std::vector<BatchRange>& batches() const { return batches_; }
  const PowerOfTwoHistogram& histogram() const { return histogram_; }

  std::string Serialize() const;
  static absl::StatusOr<TensorStatistics> Parse(absl::string_view& bytes);

  friend bool operator==(const TensorStatistics&, const TensorStatistics&) = default;

 private:
  std::vector<BatchRange> batches_;
  PowerOfTwoHistogram histogram_;
};

}  // namespace quantd
