#include "worker/observe/power_of_two_histogram.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "common/check.h"
#include "common/status_macros.h"
#include "worker/kernels/select_kernels.h"
#include "worker/observe/binary_codec.h"

namespace quantd {
namespace {

constexpr int kExponentMin = -148;  // The least float is 2^-149.
constexpr int kExponentMax = 128;   // Every finite float lies below 2^128.
constexpr int kBinsMax = 1 << 20;
constexpr int kShiftMin = -126;  // Powers of two that are normal floats.
constexpr int kShiftMax = 127;
constexpr size_t kBlock = 1024;

}  // namespace

PowerOfTwoHistogram::PowerOfTwoHistogram(int bins) : counts_(static_cast<size_t>(bins + kOddCounters), 0) {
  QUANTD_CHECK(bins > 0 && bins % 4 == 0);
}

double PowerOfTwoHistogram::radius() const {
  return exponent_ == kNoExponent ? 0 : std::ldexp(1.0, exponent_);
}

uint64_t PowerOfTwoHistogram::total() const {
  uint64_t sum = zeros_;
  for (const uint64_t count : counts()) sum += count;
  return sum;
}

void PowerOfTwoHistogram::GrowTo(int exponent) {
  if (exponent_ == kNoExponent) exponent_ = exponent;
  const size_t bins = size();
  for (; exponent_ < exponent; ++exponent_) {
    std::vector<uint64_t> grown(counts_.size(), 0);
    // Pairs of bins become the bins of the middle half. Beyond `bins` doublings all counts sit in the two middle bins.
    for (size_t i = 0; i < bins; ++i) grown[bins / 4 + i / 2] += counts_[i];
    counts_ = std::move(grown);
  }
}

void PowerOfTwoHistogram::Update(absl::Span<const float> values) {
  Update(values, Kernels().range(values.data(), values.size()));
}

void PowerOfTwoHistogram::Update(absl::Span<const float> values, const ValueRange& range, uint64_t times) {
  // An empty range has infinite ends the wrong way round.
  const float largest = range.lower <= range.upper ? std::max(-range.lower, range.upper) : 0;
  if (largest > 0) {
    int exponent;
    std::frexp(largest, &exponent);  // largest = m * 2^exponent with m in [1/2, 1): so it lies below 2^exponent.
    GrowTo(exponent);
  }
  // Where the scale is a power of two within float, so is the product exact (or too small to matter) there.
  const int half = bins() / 2;
  const int shift = std::countr_zero(static_cast<unsigned>(half)) - exponent_;
  const bool power_of_two = std::has_single_bit(static_cast<unsigned>(half));
  if (exponent_ == kNoExponent || !power_of_two || shift < kShiftMin || shift > kShiftMax) {
    CountOneByOne(values, times);
  } else {
    Count(values, std::ldexp(1.0f, shift), times);
  }
}

void PowerOfTwoHistogram::Count(absl::Span<const float> values, float scale, uint64_t times) {
  std::array<int32_t, kBlock> bin;
  uint64_t* const counts = counts_.data();
  for (size_t begin = 0; begin < values.size(); begin += kBlock) {
    const size_t n = std::min(kBlock, values.size() - begin);
    Kernels().histogram_bins(values.data() + begin, n, scale, bins(), bin.data());
    for (size_t i = 0; i < n; ++i) counts[bin[i]] += times;
  }
  uint64_t* const odd = counts + size();
  for (int i = 0; i < kZeroCounters; ++i) zeros_ += odd[i];
  not_a_number_ += odd[kZeroCounters];
  infinite_ += odd[kZeroCounters + 1];
  std::fill(odd, odd + kOddCounters, 0);
}

void PowerOfTwoHistogram::CountOneByOne(absl::Span<const float> values, uint64_t times) {
  const int half = bins() / 2;
  // In double x * scale is exact for every float, so that growing later gives the same bins.
  const double scale = exponent_ == kNoExponent ? 0 : std::ldexp(half, -exponent_);
  for (const float x : values) {
    if (x == 0) {
      zeros_ += times;
    } else if (std::isnan(x)) {
      not_a_number_ += times;
    } else if (std::isinf(x)) {
      infinite_ += times;
    } else {
      counts_[static_cast<size_t>(static_cast<int>(std::floor(static_cast<double>(x) * scale)) + half)] += times;
    }
  }
}

void PowerOfTwoHistogram::Merge(const PowerOfTwoHistogram& other) {
  QUANTD_CHECK(other.bins() == bins());
  zeros_ += other.zeros_;
  not_a_number_ += other.not_a_number_;
  infinite_ += other.infinite_;
  if (other.exponent_ == kNoExponent) return;
  GrowTo(other.exponent_);
  if (other.exponent_ < exponent_) {
    PowerOfTwoHistogram grown = other;
    grown.GrowTo(exponent_);
    for (size_t i = 0; i < size(); ++i) counts_[i] += grown.counts_[i];
    return;
  }
  for (size_t i = 0; i < size(); ++i) counts_[i] += other.counts_[i];
}

double PowerOfTwoHistogram::Quantile(double q) const {
  const double target = q * static_cast<double>(total());
  double below = 0;
  double last = 0;  // Where the highest values seen so far end.
  for (int i = 0; i < bins(); ++i) {
    if (i == bins() / 2 && zeros_ > 0) {
      below += static_cast<double>(zeros_);
      if (below >= target) return 0;
      last = 0;
    }
    const double count = static_cast<double>(counts_[static_cast<size_t>(i)]);
    if (count == 0) continue;
    if (below + count >= target) {
      return lower(i) + (target - below) / count * bin_width();
    }
    below += count;
    last = lower(i + 1);
  }
  return last;
}

std::string PowerOfTwoHistogram::Serialize() const {
  BinaryWriter writer;
  writer.Signed(exponent_);
  writer.Unsigned(zeros_);
  writer.Unsigned(not_a_number_);
  writer.Unsigned(infinite_);
  writer.Unsigned(size());
  for (const uint64_t count : counts()) writer.Unsigned(count);
  return writer.Take();
}

absl::StatusOr<PowerOfTwoHistogram> PowerOfTwoHistogram::Parse(absl::string_view& bytes) {
  BinaryReader reader(bytes);
  PowerOfTwoHistogram histogram(4);
  ASSIGN_OR_RETURN(const int64_t exponent, reader.Signed());
  ASSIGN_OR_RETURN(histogram.zeros_, reader.Unsigned());
  ASSIGN_OR_RETURN(histogram.not_a_number_, reader.Unsigned());
  ASSIGN_OR_RETURN(histogram.infinite_, reader.Unsigned());
  ASSIGN_OR_RETURN(const uint64_t bins, reader.Unsigned());
  const bool known_exponent = exponent == kNoExponent || (exponent >= kExponentMin && exponent <= kExponentMax);
  if (!known_exponent || bins == 0 || bins % 4 != 0 || bins > kBinsMax || bins > reader.rest().size()) {
    return absl::InvalidArgumentError("the bytes are no histogram");
  }
  histogram.exponent_ = static_cast<int>(exponent);
  histogram.counts_.assign(bins + kOddCounters, 0);
  for (uint64_t i = 0; i < bins; ++i) {
    ASSIGN_OR_RETURN(histogram.counts_[i], reader.Unsigned());
  }
  bytes = reader.rest();
  return histogram;
}

}  // namespace quantd
