#include "worker/exec/map_in_order.h"

#include <atomic>
#include <new>
#include <stdexcept>
#include <vector>

#include "common/error.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::HasReason;
using testing::StatusIs;

absl::Status Squares(int64_t count, int threads, std::vector<int64_t>& folded) {
  return MapInOrder<int64_t>(
      count, threads, [](int64_t i) -> absl::StatusOr<int64_t> { return i * i; },
      [&](int64_t index, int64_t square) {
        EXPECT_EQ(square, index * index);
        folded.push_back(index);
        return absl::OkStatus();
      });
}

class MapInOrderTest : public ::testing::TestWithParam<int> {};

TEST_P(MapInOrderTest, FoldsEveryResultOnceAndInOrder) {
  std::vector<int64_t> folded;
  ASSERT_OK(Squares(200, GetParam(), folded));
  ASSERT_EQ(folded.size(), 200u);
  for (int64_t i = 0; i < 200; ++i) EXPECT_EQ(folded[static_cast<size_t>(i)], i);
}

TEST_P(MapInOrderTest, NothingToDoIsDone) {
  std::vector<int64_t> folded;
  ASSERT_OK(Squares(0, GetParam(), folded));
  EXPECT_TRUE(folded.empty());
}

TEST_P(MapInOrderTest, AnErrorOfTheMapEndsItAndNothingBehindIsFolded) {
  std::vector<int64_t> folded;
  const absl::Status status = MapInOrder<int64_t>(
      100, GetParam(),
      [](int64_t i) -> absl::StatusOr<int64_t> {
        if (i == 7) return absl::DataLossError("seven");
        return i;
      },
      [&](int64_t index, int64_t) {
        folded.push_back(index);
        return absl::OkStatus();
      });
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss, ::testing::Eq("seven")));
  EXPECT_LE(folded.size(), 7u);
}

TEST_P(MapInOrderTest, AnErrorOfTheFoldEndsIt) {
  int64_t last = -1;
  const absl::Status status = MapInOrder<int64_t>(
      100, GetParam(), [](int64_t i) -> absl::StatusOr<int64_t> { return i; },
      [&](int64_t index, int64_t) {
        last = index;
        return index == 5 ? absl::DataLossError("five") : absl::OkStatus();
      });
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss, ::testing::Eq("five")));
  EXPECT_EQ(last, 5);
}

TEST_P(MapInOrderTest, MemoryThatRunsOutOnAThreadIsAnError) {
  const absl::Status status = MapInOrder<int64_t>(
      100, GetParam(),
      [](int64_t i) -> absl::StatusOr<int64_t> {
        if (i == 3) throw std::bad_alloc();
        return i;
      },
      [](int64_t, int64_t) { return absl::OkStatus(); });
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(status, HasReason("OUT_OF_MEMORY"));
}

TEST_P(MapInOrderTest, AnExceptionOfTheFoldIsAnError) {
  const absl::Status status = MapInOrder<int64_t>(
      100, GetParam(), [](int64_t i) -> absl::StatusOr<int64_t> { return i; },
      [](int64_t index, int64_t) -> absl::Status {
        if (index == 3) throw std::runtime_error("three");
        return absl::OkStatus();
      });
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInternal, ::testing::Eq("three")));
  EXPECT_THAT(status, HasReason("UNEXPECTED_EXCEPTION"));
}

INSTANTIATE_TEST_SUITE_P(Threads, MapInOrderTest, ::testing::Values(1, 2, 5));

TEST(ParallelForTest, EveryIndexIsWorkedOnOnce) {
  std::vector<int> visits(1000, 0);
  ASSERT_OK(ParallelFor(1000, 3, [&](int64_t i) {
    ++visits[static_cast<size_t>(i)];
    return absl::OkStatus();
  }));
  EXPECT_EQ(visits, std::vector<int>(1000, 1));
}

TEST(ParallelForTest, TheFirstErrorStopsTheRest) {
  std::atomic<int> calls = 0;
  const absl::Status status = ParallelFor(1000, 1, [&](int64_t i) {
    ++calls;
    return i == 4 ? absl::DataLossError("four") : absl::OkStatus();
  });
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(calls, 5);
}

TEST(ParallelForTest, AnExceptionOnAThreadIsAnError) {
  EXPECT_THAT(ParallelFor(10, 2, [](int64_t) -> absl::Status { throw std::bad_alloc(); }),
              HasReason("OUT_OF_MEMORY"));
}

}  // namespace
}  // namespace quantd
