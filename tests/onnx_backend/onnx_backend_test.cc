// The ONNX project's backend tests against the executor: a test a case, and one that counts.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error.h"
#include "tests/onnx_backend/case.h"
#include "tests/onnx_backend/expectations.h"

namespace quantd::onnx_backend {

namespace {

class CaseTest : public ::testing::Test {
 public:
  explicit CaseTest(Case test) : test_(std::move(test)) {}

 private:
  void TestBody() override {
    const absl::Status status = RunCase(test_);
    const std::string reason = OutOfScope().ReasonFor(test_);
    if (reason.empty()) {
      EXPECT_TRUE(status.ok()) << status;
    } else {
      EXPECT_FALSE(status.ok()) << "passes, but is listed in out_of_scope.txt: " << reason;
    }
  }

  const Case test_;
};

// onnx_backend.node.test_abs and so on, before main() lists or runs the tests.
const bool kRegistered = [] {
  for (const Case& test : AllCases()) {
    std::string suite = test.group;
    std::replace(suite.begin(), suite.end(), '-', '_');  // A dash in a test filter excludes.
    ::testing::RegisterTest(suite.c_str(), test.name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                            [test]() -> ::testing::Test* { return new CaseTest(test); });
  }
  return true;
}();

// What a failing case lacks, in a few words that several cases share.
std::string Lack(const absl::Status& status) {
  const ErrorDetails details = GetErrorDetails(status);
  if (details.reason == "UNSUPPORTED_OPERATOR") return details.metadata.at("op_type");
  if (!details.reason.empty()) {
    return absl::StrCat(details.reason, ": ", std::string(status.message()).substr(0, 160));
  }
  return "wrong result";
}

TEST(Summary, ReachesTheCountsPromised) {
  ASSERT_TRUE(kRegistered);
  const std::map<std::string, int> floors = {
      {"node", 750}, {"pytorch-converted", 75}, {"pytorch-operator", 30}, {"simple", 20}};
  std::map<std::string, int> passed, total, out_of_scope;
  std::map<std::string, std::vector<std::string>> failures;  // By what they lack.
  const std::vector<Case> cases = AllCases();
  for (const Case& test : cases) {
    ++total[test.group];
    out_of_scope[test.group] += OutOfScope().ReasonFor(test).empty() ? 0 : 1;
    const absl::Status status = RunCase(test);
    if (status.ok()) {
      ++passed[test.group];
    } else if (OutOfScope().ReasonFor(test).empty()) {
      failures[Lack(status)].push_back(test.name);
    }
  }
  std::string counts;
  for (const auto& [group, floor] : floors) {
    absl::StrAppend(&counts, group, " ", passed[group], " of ", total[group], " passed (at least ",
                    floor, " must), ", out_of_scope[group], " out of scope\n");
    EXPECT_GE(passed[group], floor) << group;
  }
  for (const auto& [lack, names] : failures) {
    std::cout << names.size() << " fail by " << lack << ": " << absl::StrJoin(names, " ") << "\n";
  }
  std::cout << counts;
  // CTest prints the file after the tests (CTestCustom.cmake).
  std::ofstream(QUANTD_ONNX_BACKEND_COUNTS) << counts;
  EXPECT_EQ(absl::StrJoin(OutOfScope().Unused(cases), " "), "") << "listed, but there is no such case";
}

}  // namespace
}  // namespace quantd::onnx_backend
