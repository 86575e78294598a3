#include "common/repeating_thread.h"

#include <gtest/gtest.h>

#include <atomic>

namespace quantd {
namespace {

constexpr absl::Duration kNever = absl::Hours(24 * 365);

TEST(RepeatingThread, RepeatsUntilItsEnd) {
  std::atomic<int> times = 0;
  {
    const RepeatingThread thread(absl::ZeroDuration(), absl::Nanoseconds(1), [&] { ++times; });
    while (times < 3) std::this_thread::yield();
  }
  const int at_the_end = times;
  EXPECT_GE(at_the_end, 3);
  std::this_thread::yield();
  EXPECT_EQ(times, at_the_end);
}

TEST(RepeatingThread, TheFirstTimeAndTheOthersHavePausesOfTheirOwn) {
  std::atomic<int> at_once = 0, later = 0;
  {
    const RepeatingThread first(absl::ZeroDuration(), kNever, [&] { ++at_once; });
    const RepeatingThread second(kNever, absl::ZeroDuration(), [&] { ++later; });
    while (at_once == 0) std::this_thread::yield();
  }  // Neither pause is waited for.
  EXPECT_EQ(at_once, 1);
  EXPECT_EQ(later, 0);
}

TEST(RepeatingThread, WorkThatHasBegunIsFinished) {
  std::atomic<bool> begun = false, finished = false;
  {
    const RepeatingThread thread(absl::ZeroDuration(), kNever, [&] {
      begun = true;
      for (int i = 0; i < 1000; ++i) std::this_thread::yield();
      finished = true;
    });
    while (!begun) std::this_thread::yield();
  }
  EXPECT_TRUE(finished);
}

}  // namespace
}  // namespace quantd
