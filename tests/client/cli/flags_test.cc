#include "client/cli/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/commands/registry.h"
#include "client/cli/help.h"
#include "common/words.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::quantd::testing::HasReason;
using ::quantd::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<FlagSpec>& Specs() {
  static const std::vector<FlagSpec> kSpecs = {{"seed", Arity::kOne, "N", "The seed."},
                                               {"wait", Arity::kSwitch, "", "Wait."},
                                               {"gate", Arity::kMany, "CONDITION", "A gate."},
                                               {"data", Arity::kList, "PATH", "Data."}};
  return kSpecs;
}

TEST(FlagsTest, AValueFollowsASpaceOrAnEqualsSign) {
  ASSERT_OK_AND_ASSIGN(const ParsedFlags spaced, ParseFlags(Specs(), {"--seed", "7"}));
  ASSERT_OK_AND_ASSIGN(const ParsedFlags joined, ParseFlags(Specs(), {"--seed=7"}));
  EXPECT_EQ(spaced.Get("seed"), "7");
  EXPECT_EQ(joined.Get("seed"), "7");
}

TEST(FlagsTest, AnEqualsSignInsideAValueBelongsToIt) {
  ASSERT_OK_AND_ASSIGN(const ParsedFlags flags,
                       ParseFlags(Specs(), {"--gate=a >= 1", "--gate", "b <= 2"}));
  EXPECT_THAT(flags.All("gate"), ElementsAre("a >= 1", "b <= 2"));
}

TEST(FlagsTest, AListTakesWordsUpToTheNextFlag) {
  ASSERT_OK_AND_ASSIGN(
      const ParsedFlags flags,
      ParseFlags(Specs(), {"--data", "a", "b", "--wait", "--data", "c", "--seed", "-3", "word"}));
  EXPECT_THAT(flags.All("data"), ElementsAre("a", "b", "c"));
  EXPECT_EQ(flags.Get("seed"), "-3");
  EXPECT_THAT(flags.arguments(), ElementsAre("word"));
}

TEST(FlagsTest, TwoDashesEndTheFlags) {
  ASSERT_OK_AND_ASSIGN(const ParsedFlags flags, ParseFlags(Specs(), {"--wait", "--", "--seed"}));
  EXPECT_THAT(flags.arguments(), ElementsAre("--seed"));
}

TEST(FlagsTest, MistakesAreNamed) {
  const struct {
    std::vector<std::string> words;
    std::string reason;
    std::string text;
  } kCases[] = {
      {{"--sede", "7"}, "UNKNOWN_FLAG", "did you mean --seed?"},
      {{"--zzzzzz"}, "UNKNOWN_FLAG", "unknown flag --zzzzzz"},
      {{"-seed"}, "UNKNOWN_FLAG", "did you mean --seed?"},
      {{"--seed"}, "INVALID_FLAG", "--seed needs a value: --seed N"},
      {{"--seed", "--wait"}, "INVALID_FLAG", "--seed needs a value"},
      {{"--seed", "1", "--seed", "2"}, "INVALID_FLAG", "--seed is given twice"},
      {{"--wait=maybe"}, "INVALID_FLAG", "--wait takes no value"},
  };
  for (const auto& c : kCases) {
    const absl::Status status = ParseFlags(Specs(), c.words).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.text)));
    EXPECT_THAT(status, HasReason(c.reason));
  }
}

TEST(FlagsTest, WholeNumbersHaveARange) {
  for (const char* text : {"x", "1.5", "11", "-1", "", "99999999999999999999"}) {
    ParsedFlags flags;
    flags.Add("n", text);
    EXPECT_THAT(flags.Integer("n", 0, 10, 5).status(), HasReason("INVALID_FLAG")) << text;
  }
  ParsedFlags flags;
  EXPECT_EQ(flags.Integer("n", 0, 10, 5).value(), 5);
  flags.Add("n", "10");
  EXPECT_EQ(flags.Integer("n", 0, 10, 5).value(), 10);
}

TEST(FlagsTest, DurationsHaveUnitsOrAreSeconds) {
  const std::pair<const char*, absl::Duration> kCases[] = {
      {"90", absl::Seconds(90)}, {"0.5", absl::Milliseconds(500)}, {"1h30m", absl::Minutes(90)}};
  for (const auto& [text, expected] : kCases) {
    ParsedFlags flags;
    flags.Add("t", text);
    EXPECT_EQ(flags.Duration("t", absl::ZeroDuration()).value(), expected);
  }
  for (const char* text : {"soon", "0", "-5s"}) {
    ParsedFlags flags;
    flags.Add("t", text);
    EXPECT_THAT(flags.Duration("t", absl::ZeroDuration()).status(), HasReason("INVALID_FLAG"))
        << text;
  }
}

TEST(FlagsTest, SuggestionsAreNearOrAbsent) {
  const std::vector<std::string> names = {"submit", "list", "watch", "download"};
  EXPECT_EQ(DidYouMean("sumbit", names), "submit");  // One swap of neighbours.
  EXPECT_EQ(DidYouMean("lst", names), "list");
  EXPECT_EQ(DidYouMean("down", names), "download");
  EXPECT_EQ(DidYouMean("frobnicate", names), "");
}

TEST(HelpTest, EveryCommandsHelpMentionsEachOfItsFlags) {
  for (const Command* command : commands::All()) {
    const std::string help = CommandHelp(*command);
    std::vector<FlagSpec> flags = command->flags;
    flags.insert(flags.end(), GlobalFlags().begin(), GlobalFlags().end());
    for (const FlagSpec& flag : flags) {
      EXPECT_THAT(help, HasSubstr("  --" + flag.name +
                                  (flag.placeholder.empty() ? "" : " " + flag.placeholder)));
      EXPECT_FALSE(flag.help.empty()) << flag.name;
      EXPECT_EQ(flag.arity == Arity::kSwitch, flag.placeholder.empty()) << flag.name;
    }
    EXPECT_THAT(help, HasSubstr("quantctl " + command->name));
    EXPECT_THAT(help, HasSubstr("Exit codes:"));
    EXPECT_LT(command->summary.size(), 76u) << command->name;
  }
}

TEST(HelpTest, TheOverviewListsEveryCommand) {
  const std::string help = OverviewHelp(commands::All());
  for (const Command* command : commands::All())
    EXPECT_THAT(help, HasSubstr("  " + command->name + " "));
}

TEST(HelpTest, NoLineIsWiderThanATerminal) {
  for (const Command* command : commands::All()) {
    const std::string help = CommandHelp(*command);
    size_t column = 0;
    for (const char c : help) {
      column = c == '\n' ? 0 : column + 1;
      ASSERT_LE(column, 90u) << command->name << ": " << help;
    }
  }
}

}  // namespace
}  // namespace quantd
