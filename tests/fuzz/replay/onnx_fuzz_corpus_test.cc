// Replays what fuzzing found, without a fuzzer: the corpus, which reaches every branch that it reached, and the inputs
// that once made it stop. In the sanitizers' build this repeats a campaign's findings to the letter.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/file.h"
#include "tests/fuzz/import_and_plan.h"

namespace quantd::testing {
namespace {

constexpr int64_t kInputBytesMax = int64_t{1} << 20;

std::vector<std::string> FilesIn(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

void Replay(const std::string& folder) {
  const std::vector<std::string> paths = FilesIn(folder);
  ASSERT_FALSE(paths.empty()) << folder;
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    const absl::StatusOr<std::string> bytes = ReadFile(path, kInputBytesMax);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    const absl::Status status = ImportAndPlan(*bytes);
    EXPECT_TRUE(IsTypedOrOk(status)) << FormatStatus(status);
  }
}

TEST(OnnxFuzzCorpus, EveryInputIsPlannedOrRefusedWithAReason) {
  Replay(QUANTD_TEST_DATA "/fuzz/corpus");
}

TEST(OnnxFuzzCorpus, WhatOnceStoppedTheFuzzerNoLongerDoes) {
  Replay(QUANTD_TEST_DATA "/fuzz/crashers");
}

}  // namespace
}  // namespace quantd::testing
