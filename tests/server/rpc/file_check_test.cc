// The parts of a check that artifacts, jobs and completions share.
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/rpc/spec_check.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::NamesField;

TEST(FileNameProblem, PlainRelativePathsHaveNone) {
  for (const std::string name : {"a", "a/b.onnx", "...", "a b", ".hidden", "a/..b", "\xc3\xa4"}) {
    EXPECT_EQ(FileNameProblem(name), "") << name;
  }
}

TEST(CheckLabels, KeysValuesAndNumberAreBounded) {
  const struct {
    std::map<std::string, std::string> labels;
    std::string field;  // Empty: nothing is wrong.
  } kCases[] = {
      {{{"team", "vision"}, {"a.b-c_9", ""}}, ""},
      {{{std::string(63, 'k'), std::string(256, 'v')}}, ""},
      {{{std::string(64, 'k'), "v"}}, "labels[" + std::string(64, 'k') + "]"},
      {{{"k", std::string(257, 'v')}}, "labels[k]"},
      {{{"k", std::string("a\0b", 3)}}, "labels[k]"},
      {{{"", "v"}}, "labels[]"},
      {{{"Team", "v"}}, "labels[Team]"},
      {{{"9", "v"}}, "labels[9]"},
      {{{"a b", "v"}}, "labels[a b]"},
  };
  for (const auto& c : kCases) {
    const google::protobuf::Map<std::string, std::string> labels(c.labels.begin(), c.labels.end());
    SpecProblems problems;
    CheckLabels(labels, "labels", problems);
    if (c.field.empty()) {
      EXPECT_OK(problems.ToStatus());
    } else {
      EXPECT_THAT(problems.ToStatus(), NamesField(c.field));
    }
  }
  google::protobuf::Map<std::string, std::string> many;
  for (int i = 0; i < 65; ++i) many[absl::StrCat("k", i)] = "";
  SpecProblems problems;
  CheckLabels(many, "labels", problems);
  EXPECT_THAT(problems.ToStatus(), NamesField("labels"));
}

}  // namespace
}  // namespace quantd
