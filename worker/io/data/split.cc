#include "worker/io/data/split.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/random.h"

namespace quantd {

absl::StatusOr<Split> SplitRows(int64_t rows, int64_t calibration_rows, int64_t evaluation_rows,
                                uint64_t seed) {
  if (rows < 0 || rows > kSplitRowsMax) {
    return InvalidField("NOT_ENOUGH_ROWS", "data",
                        absl::StrCat(rows, " rows; at most ", kSplitRowsMax, " can be split"));
  }
  if (calibration_rows < 0 || calibration_rows >= rows) {
    return InvalidField(
        "NOT_ENOUGH_ROWS", "calibration.rows",
        absl::StrCat(calibration_rows, " rows for calibration out of ", rows,
                     " leave none for evaluation; give more rows or ask for fewer"));
  }
  const int64_t rest = rows - calibration_rows;
  if (evaluation_rows < 0 || evaluation_rows > rest) {
    return InvalidField(
        "NOT_ENOUGH_ROWS", "evaluation.rows",
        absl::StrCat(evaluation_rows, " rows for evaluation, but only ", rest, " of ", rows,
                     " remain after ", calibration_rows, " for calibration"));
  }
  std::vector<int64_t> order(rows);
  std::iota(order.begin(), order.end(), 0);
  Random random(seed);
  random.Shuffle(order);

  const auto middle = order.begin() + calibration_rows;
  const auto end = middle + (evaluation_rows == 0 ? rest : evaluation_rows);
  Split split{{order.begin(), middle}, {middle, end}};
  std::sort(split.calibration.begin(), split.calibration.end());
  std::sort(split.evaluation.begin(), split.evaluation.end());
  return split;
}

}  // namespace quantd
