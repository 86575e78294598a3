// Which rows calibrate and which evaluate. The two never overlap: they are different stretches of
// one permutation.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

namespace quantd {

inline constexpr int64_t kSplitRowsMax = 1'000'000'000;

// Row numbers, each list ascending.
struct Split {
  std::vector<int64_t> calibration;
  std::vector<int64_t> evaluation;
};

// Shuffles 0..rows-1 with `seed`; the first `calibration_rows` calibrate, the next
// `evaluation_rows` (0: all the rest) evaluate. The calibration rows of a seed do not depend on
// `evaluation_rows`. Deterministic on every platform. Time and memory O(rows).
//
// Errors: INVALID_ARGUMENT  reason NOT_ENOUGH_ROWS: a negative count, or fewer rows than asked for;
//                           at least one row must remain for evaluation.
absl::StatusOr<Split> SplitRows(int64_t rows, int64_t calibration_rows, int64_t evaluation_rows,
                                uint64_t seed);

}  // namespace quantd
