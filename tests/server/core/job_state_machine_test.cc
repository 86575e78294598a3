#include "server/core/job_state_machine.h"

#include <fstream>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "server/core/job_codec.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::HasReason;
using testing::IsOkAndHolds;
using testing::StatusIs;

using Row = std::tuple<std::string, std::string, std::string>;

constexpr JobTrigger kTriggers[] = {
    JobTrigger::kLease,  JobTrigger::kSucceed,  JobTrigger::kReuseResult,
    JobTrigger::kRetry,  JobTrigger::kHandBack, JobTrigger::kFail,
    JobTrigger::kGiveUp, JobTrigger::kRedrive,  JobTrigger::kCancel};

std::multiset<Row> TableOfTheCode() {
  std::multiset<Row> rows;
  for (const JobTransition& t : JobTransitions()) {
    rows.emplace(ToText(t.from), ToText(t.trigger), ToText(t.to));
  }
  return rows;
}

// The rows below "| from | trigger | to |".
std::multiset<Row> TableOfTheDocument() {
  std::ifstream file(QUANTD_SOURCE_DIR "/docs/job_states.md");
  std::multiset<Row> rows;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line == "| from | trigger | to |") {
      inside = true;
    } else if (inside && line.rfind("|---", 0) != 0) {
      const std::vector<std::string> cells = absl::StrSplit(line, '|');
      if (cells.size() != 5) break;  // Behind the table.
      const auto cell = [&](size_t i) { return std::string(absl::StripAsciiWhitespace(cells[i])); };
      rows.emplace(cell(1), cell(2), cell(3));
    }
  }
  return rows;
}

TEST(JobStateMachine, TheTableEqualsTheOneInTheDocument) {
  ASSERT_FALSE(TableOfTheDocument().empty());
  EXPECT_EQ(TableOfTheDocument(), TableOfTheCode());
}

TEST(JobStateMachine, EveryPairThatIsNotListedIsRefusedByNameAndEveryOtherOneIsTaken) {
  int allowed = 0;
  for (const JobState from : kJobStates) {
    for (const JobTrigger trigger : kTriggers) {
      SCOPED_TRACE(std::string(ToText(from)) + " x " + std::string(ToText(trigger)));
      const JobTransition* listed = nullptr;
      for (const JobTransition& t : JobTransitions()) {
        if (t.from == from && t.trigger == trigger) listed = &t;
      }
      const absl::StatusOr<JobState> next = NextState(from, trigger);
      if (listed != nullptr) {
        ++allowed;
        EXPECT_THAT(next, IsOkAndHolds(listed->to));
        continue;
      }
      EXPECT_THAT(next, StatusIs(absl::StatusCode::kInternal));
      EXPECT_THAT(next, HasReason("ILLEGAL_TRANSITION"));
      EXPECT_THAT(std::string(next.status().message()),
                  ::testing::AllOf(::testing::HasSubstr(std::string(ToText(from))),
                                   ::testing::HasSubstr(std::string(ToText(trigger)))));
    }
  }
  // No pair is listed twice, with two ends.
  EXPECT_EQ(allowed, static_cast<int>(JobTransitions().size()));
}

TEST(JobStateMachine, AFinishedJobHasNoWayOutButTheRedriveOfADeadLetter) {
  for (const JobState from : kJobStates) {
    for (const JobTrigger trigger : kTriggers) {
      if (!IsFinished(from)) continue;
      const bool redrive = from == JobState::kDeadLettered && trigger == JobTrigger::kRedrive;
      EXPECT_EQ(NextState(from, trigger).ok(), redrive);
    }
  }
}

TEST(JobStateMachine, OnlyTheLastFourStatesAreFinished) {
  EXPECT_FALSE(IsFinished(JobState::kQueued));
  EXPECT_FALSE(IsFinished(JobState::kRunning));
  EXPECT_TRUE(IsFinished(JobState::kSucceeded));
  EXPECT_TRUE(IsFinished(JobState::kFailed));
  EXPECT_TRUE(IsFinished(JobState::kCancelled));
  EXPECT_TRUE(IsFinished(JobState::kDeadLettered));
}

TEST(JobStateMachine, EveryUnfinishedStateCanEndInEachFinishedOne) {
  for (const JobState from : {JobState::kQueued, JobState::kRunning}) {
    std::set<JobState> reached;
    for (const JobTrigger trigger : kTriggers) {
      const absl::StatusOr<JobState> next = NextState(from, trigger);
      if (next.ok() && IsFinished(*next)) reached.insert(*next);
    }
    // A job is dead-lettered for what its attempts met, so it has had one.
    EXPECT_EQ(reached.size(), from == JobState::kRunning ? 4u : 3u);
  }
}

TEST(JobStateMachine, TriggersHaveDistinctTexts) {
  std::set<std::string> texts;
  for (const JobTrigger trigger : kTriggers) texts.insert(std::string(ToText(trigger)));
  EXPECT_EQ(texts.size(), std::size(kTriggers));
  EXPECT_FALSE(texts.contains(""));
}

}  // namespace
}  // namespace quantd
