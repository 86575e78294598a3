// The oracle itself: a child that breaks a bound is seen.
#include "tests/hostile/bounded_child.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <memory>
#include <new>
#include <string>

namespace quantd::hostile {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kTouchedBytes = 32 << 20;
constexpr Bounds kBounds = {.memory_bytes_max = 64 << 20, .cpu_seconds_max = 1};

TEST(BoundedChildTest, WhatTheWorkSaysComesBack) {
  EXPECT_EQ(RunBounded(kBounds, [](Told&) { return ""; }), "");
  EXPECT_EQ(RunBounded(kBounds, [](Told&) { return std::string(100'000, 'x'); }),
            std::string(100'000, 'x'));
}

TEST(BoundedChildTest, ADeadChildIsNamedWithWhatItDid) {
  const std::string said = RunBounded(kBounds, [](Told& told) {
    told.Doing("the fatal thing");
    ::raise(SIGKILL);
    return "";
  });
  EXPECT_EQ(said, "died (SIGKILL) while the fatal thing");
}

TEST(BoundedChildTest, TimeOfTheProcessorIsBounded) {
  const std::string said = RunBounded(kBounds, [](Told& told) {
    told.Doing("turning");
    std::atomic<uint64_t> turns = 0;
    while (true) ++turns;
    return "";
  });
  EXPECT_THAT(said, HasSubstr("processor time (SIGXCPU) while turning"));
}

TEST(BoundedChildTest, MemoryIsBoundedAndWhatIsTakenIsSeen) {
  if (!MemoryIsBounded()) GTEST_SKIP() << "a sanitizer has taken the address space";
  const std::string said = RunBounded(kBounds, [](Told&) -> std::string {
    ResetPeak();
    const int64_t before = ResidentBytes();
    // Written through a volatile pointer, or the compiler leaves the whole array out.
    const auto touched = std::make_unique<char[]>(kTouchedBytes);
    volatile char* const bytes = touched.get();
    for (int64_t i = 0; i < kTouchedBytes; i += 1024) bytes[i] = 'x';
    if (PeakBytes() - before < kTouchedBytes / 2) return "the memory taken was not seen";
    void* volatile more = ::operator new(kBounds.memory_bytes_max, std::nothrow);
    return more == nullptr ? "" : "more memory than the bound was given";
  });
  EXPECT_EQ(said, "");
}

}  // namespace
}  // namespace quantd::hostile
