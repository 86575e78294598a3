#include "server/core/change_signal.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace quantd {
namespace {

// Longer than any test may take: a wait that is not ended by a signal shows as a hanging test.
constexpr absl::Duration kForever = absl::Hours(24);

TEST(ChangeSignal, AChangeSinceTheGenerationWasReadIsNotMissed) {
  ChangeSignal signal;
  const uint64_t seen = signal.Generation("job");
  signal.Notify("job");
  signal.Wait("job", seen, kForever);
  EXPECT_NE(signal.Generation("job"), seen);
}

TEST(ChangeSignal, WithoutAChangeTheGenerationStays) {
  ChangeSignal signal;
  const uint64_t seen = signal.Generation("job");
  signal.Wait("job", seen, absl::ZeroDuration());
  signal.Wait("job", seen, -absl::Seconds(1));
  EXPECT_EQ(signal.Generation("job"), seen);
}

TEST(ChangeSignal, EveryWaiterIsWokenByOneChange) {
  ChangeSignal signal;
  constexpr int kWaiters = 8;
  std::atomic<int> started = 0;
  std::vector<std::thread> waiters;
  for (int i = 0; i < kWaiters; ++i) {
    waiters.emplace_back([&] {
      const uint64_t seen = signal.Generation("work");
      ++started;
      started.notify_one();
      signal.Wait("work", seen, kForever);
      EXPECT_NE(signal.Generation("work"), seen);
    });
  }
  for (int n = 0; n < kWaiters; n = started) started.wait(n);
  signal.Notify("work");
  for (std::thread& waiter : waiters) waiter.join();
}

TEST(ChangeSignal, TwoThreadsHandABallToAndFroWithoutLosingIt) {
  // Each waits for the other's change a thousand times: one lost wake-up would hang.
  ChangeSignal signal;
  constexpr int kRounds = 1000;
  std::atomic<int> ball = 0;
  const auto play = [&](int parity) {
    for (int round = 0; round < kRounds; ++round) {
      while (true) {
        const uint64_t seen = signal.Generation("ball");
        if (ball % 2 == parity) break;
        signal.Wait("ball", seen, kForever);
      }
      ++ball;
      signal.Notify("ball");
    }
  };
  std::thread other([&] { play(1); });
  play(0);
  other.join();
  EXPECT_EQ(ball, 2 * kRounds);
}

TEST(ChangeSignal, ManyTopicsDoNotLoseEachOthersChanges) {
  // More topics than buckets, so that some share one.
  ChangeSignal signal;
  for (int i = 0; i < 1000; ++i) {
    const std::string topic = "tenants/a/jobs/" + std::to_string(i);
    const uint64_t seen = signal.Generation(topic);
    signal.Notify(topic);
    EXPECT_NE(signal.Generation(topic), seen);
  }
}

TEST(ChangeSignal, ClosingEndsTheWaitsOfAllTopics) {
  ChangeSignal signal;
  std::vector<std::thread> waiters;
  for (int i = 0; i < 4; ++i) {
    waiters.emplace_back([&signal, topic = "topic " + std::to_string(i)] {
      signal.Wait(topic, signal.Generation(topic), kForever);
    });
  }
  EXPECT_FALSE(signal.closed());
  signal.Close();
  for (std::thread& waiter : waiters) waiter.join();
  EXPECT_TRUE(signal.closed());
}

TEST(ChangeSignal, OnceClosedNothingWaitsAnyMore) {
  ChangeSignal signal;
  signal.Close();
  signal.Close();
  signal.Wait("job", signal.Generation("job"), kForever);
  EXPECT_TRUE(signal.closed());
}

TEST(ChangeSignal, AnEndlessTimeoutWaits) {
  ChangeSignal signal;
  std::atomic<bool> woken = false;
  std::atomic<bool> started = false;
  const uint64_t seen = signal.Generation("job");
  std::thread waiter([&] {
    started = true;
    started.notify_one();
    signal.Wait("job", seen, absl::InfiniteDuration());
    woken = true;
    EXPECT_NE(signal.Generation("job"), seen);
  });
  started.wait(false);
  signal.Notify("job");
  waiter.join();
  EXPECT_TRUE(woken);
}

}  // namespace
}  // namespace quantd
