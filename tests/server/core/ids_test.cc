#include "server/core/ids.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/fake_clock.h"

namespace quantd {
namespace {

constexpr unsigned __int128 kAllOnes = (static_cast<unsigned __int128>(1) << 80) - 1;

TEST(Ulid, MatchesTheExampleOfItsSpecification) {
  // 01ARYZ6S41TSV4RRFFQ69G5FAV; its first ten digits are 1,469,918,176,385 ms. The others, as
  // numbers: T = 26, S = 25, V = 27, 4, R = 24, R, F = 15, F, Q = 23, 6, 9, G = 16, 5, F, A = 10,
  // V.
  unsigned __int128 random = 0;
  for (const unsigned digit : {26, 25, 27, 4, 24, 24, 15, 15, 23, 6, 9, 16, 5, 15, 10, 27}) {
    random = random * 32 + digit;
  }
  EXPECT_EQ(FormatUlid(absl::FromUnixMillis(1'469'918'176'385), random),
            "01aryz6s41tsv4rrffq69g5fav");
}

TEST(Ulid, HoldsTimeBeforeRandomBits) {
  EXPECT_EQ(FormatUlid(absl::UnixEpoch(), 0), "00000000000000000000000000");
  EXPECT_EQ(FormatUlid(absl::UnixEpoch(), 1), "00000000000000000000000001");
  EXPECT_EQ(FormatUlid(absl::UnixEpoch(), kAllOnes), "0000000000zzzzzzzzzzzzzzzz");
  EXPECT_EQ(FormatUlid(absl::FromUnixMillis(1), 0), "00000000010000000000000000");
  // 1,024 ms = 1 * 32^2.
  EXPECT_EQ(FormatUlid(absl::FromUnixMillis(1024), 0), "00000001000000000000000000");
}

TEST(Ulid, TakesOnlyTheLowestEightyRandomBits) {
  EXPECT_EQ(FormatUlid(absl::UnixEpoch(), kAllOnes + 1), FormatUlid(absl::UnixEpoch(), 0));
}

TEST(Ulid, TheLaterOneSortsLaterWhateverItsRandomBits) {
  absl::Time time = absl::FromUnixMillis(1'700'000'000'000);
  for (int i = 0; i < 1000; ++i) {
    const absl::Time next = time + absl::Milliseconds(1 + i * i);
    EXPECT_LT(FormatUlid(time, kAllOnes), FormatUlid(next, 0));
    time = next;
  }
}

TEST(UlidSource, MakesIdsThatNamesMayHoldAndThatShareTheTimeOfTheClock) {
  testing::FakeClock clock;
  UlidSource source(&clock);
  const std::string id = source.Next();
  EXPECT_EQ(id.size(), 26u);
  EXPECT_EQ(id.substr(0, 10), FormatUlid(clock.Now(), 0).substr(0, 10));
  clock.Advance(absl::Milliseconds(1));
  EXPECT_LT(id, source.Next());
}

TEST(UlidSource, NeverRepeatsItselfAmongThreads) {
  testing::FakeClock clock;
  UlidSource source(&clock);
  std::vector<std::vector<std::string>> made(4);
  std::vector<std::thread> threads;
  for (std::vector<std::string>& ids : made) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) ids.push_back(source.Next());
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> all;
  for (const std::vector<std::string>& ids : made) all.insert(ids.begin(), ids.end());
  EXPECT_EQ(all.size(), 2000u);
}

}  // namespace
}  // namespace quantd
