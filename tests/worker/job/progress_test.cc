#include "worker/job/progress.h"

#include <fcntl.h>
#include <unistd.h>

#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::FakeClock;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Pipe {
  Pipe() { EXPECT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0); }
  ~Pipe() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  int ends[2];
};

class ProgressTest : public ::testing::Test {
 protected:
  // What was sent since the last call.
  std::vector<v1::JobEvent> Sent() {
    std::string bytes(65536, '\0');
    const ssize_t count = ::read(pipe_.ends[0], bytes.data(), bytes.size());
    bytes.resize(count < 0 ? 0 : static_cast<size_t>(count));
    return parser_.Feed(bytes).value();
  }

  static double Eta(const v1::JobEvent& event) {
    const auto& eta = event.progress().eta();
    return static_cast<double>(eta.seconds()) + 1e-9 * eta.nanos();
  }

  Pipe pipe_;
  EventParser parser_;
  FakeClock clock_;
  EventWriter events_{pipe_.ends[1]};
  Progress progress_{&clock_, &events_};
};

TEST_F(ProgressTest, AStageIsAnnouncedWithItsShare) {
  progress_.StartStage("calibrate", 0.05, 0.25);
  const std::vector<v1::JobEvent> sent = Sent();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].progress().stage(), "calibrate");
  EXPECT_DOUBLE_EQ(sent[0].progress().fraction(), 0.05);
  EXPECT_EQ(sent[0].progress().steps(), 0);
}

TEST_F(ProgressTest, StepsMoveThroughTheStagesShare) {
  progress_.StartStage("calibrate", 0.2, 0.6);
  (void)Sent();
  clock_.Advance(absl::Seconds(30));
  progress_.Step(1, 4);
  const std::vector<v1::JobEvent> sent = Sent();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].progress().step(), 1);
  EXPECT_EQ(sent[0].progress().steps(), 4);
  EXPECT_DOUBLE_EQ(sent[0].progress().fraction(), 0.2 + 0.4 / 4);
}

TEST_F(ProgressTest, AStageUnderWayIsExtrapolatedByItsOwnPace) {
  clock_.Advance(absl::Seconds(10));
  progress_.StartStage("evaluate", 0.5, 0.8);
  // Half took 10 s, so the other half takes 10 s.
  EXPECT_NEAR(Eta(Sent().at(0)), 10, 1e-6);
  clock_.Advance(absl::Seconds(10));
  progress_.Step(1, 8);
  // One step of eight took 10 s, so the others take 70 s. The stage then ends 10 + 80 = 90 s after
  // the start, at a share of 0.8, and the last 0.2 take 90 / 4 = 22.5 s.
  EXPECT_NEAR(Eta(Sent().at(0)), 92.5, 1e-6);
}

TEST_F(ProgressTest, EventsKeepADistanceButTheLastStepIsSent) {
  progress_.StartStage("evaluate", 0.5, 1);
  (void)Sent();
  for (int step = 1; step < 10; ++step) progress_.Step(step, 10);  // No time passes.
  EXPECT_THAT(Sent(), IsEmpty());
  clock_.Advance(absl::Milliseconds(100));
  progress_.Step(5, 10);
  progress_.Step(6, 10);
  EXPECT_THAT(Sent(), SizeIs(1));
  progress_.Step(10, 10);
  const std::vector<v1::JobEvent> last = Sent();
  ASSERT_THAT(last, SizeIs(1));
  EXPECT_DOUBLE_EQ(last[0].progress().fraction(), 1);
}

TEST_F(ProgressTest, NoGuessAtTheTimeLeftBeforeAnythingIsDone) {
  clock_.Advance(absl::Seconds(5));
  progress_.StartStage("import", 0, 0.02);
  EXPECT_FALSE(Sent()[0].progress().has_eta());
}

TEST_F(ProgressTest, WarningsAreSentAtOnce) {
  progress_.StartStage("evaluate", 0.5, 1);
  progress_.Warn("few rows");
  const std::vector<v1::JobEvent> sent = Sent();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(sent[1].warning(), "few rows");
}

}  // namespace
}  // namespace quantd
