#include "server/auth/audit_log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd {
namespace {

class AuditLogTest : public ::testing::Test {
 protected:
  std::vector<nlohmann::json> Lines(const std::string& path) {
    const std::string text = ReadFile(path, 1 << 26).value();
    EXPECT_TRUE(text.empty() || text.back() == '\n');
    std::vector<nlohmann::json> lines;
    for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
      lines.push_back(nlohmann::json::parse(line.begin(), line.end()));
    }
    return lines;
  }

  const AuditEntry entry_ = {.time = absl::FromUnixSeconds(1'700'000'000),
                             .caller = "tenants/t/tokens/k",
                             .peer = "ipv4:127.0.0.1:1",
                             .method = "JobService/CancelJob",
                             .resources = {"tenants/t/jobs/j"},
                             .code = "OK"};
  testing::TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/audit.log";
};

TEST_F(AuditLogTest, ALineSaysWhoWhatAndWhatCameOfIt) {
  ASSERT_OK_AND_ASSIGN(auto log, AuditLog::Open(path_));
  ASSERT_OK(log->Append(entry_));
  ASSERT_OK(log->Sync());
  const auto lines = Lines(path_);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0], nlohmann::json({{"time", "2023-11-14T22:13:20+00:00"},
                                      {"sequence", 1},
                                      {"caller", "tenants/t/tokens/k"},
                                      {"peer", "ipv4:127.0.0.1:1"},
                                      {"method", "JobService/CancelJob"},
                                      {"resources", {"tenants/t/jobs/j"}},
                                      {"code", "OK"},
                                      {"reason", ""}}));
  struct stat info;
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(AuditLogTest, WhatIsThereStaysAcrossRestartsAndReopening) {
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(auto log, AuditLog::Open(path_));
    ASSERT_OK(log->Append(entry_));
  }
  ASSERT_OK_AND_ASSIGN(auto log, AuditLog::Open(path_));
  ASSERT_EQ(::rename(path_.c_str(), (path_ + ".1").c_str()), 0);
  ASSERT_OK(log->Append(entry_));
  ASSERT_OK(log->Reopen());
  ASSERT_OK(log->Append(entry_));
  EXPECT_EQ(Lines(path_ + ".1").size(), 3u);
  const auto lines = Lines(path_);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["sequence"], 2);
}

TEST_F(AuditLogTest, HalfALineOfAServerThatEndedDoesNotSwallowTheNext) {
  ASSERT_OK(WriteFileAtomically(path_, "{\"time\":\"2023-11"));
  ASSERT_OK_AND_ASSIGN(auto log, AuditLog::Open(path_));
  ASSERT_OK(log->Append(entry_));
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadFile(path_, 1 << 20));
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "{\"time\":\"2023-11");
  EXPECT_EQ(nlohmann::json::parse(lines[1])["sequence"], 1);
}

TEST_F(AuditLogTest, HostileNamesStayOneShortLine) {
  ASSERT_OK_AND_ASSIGN(auto log, AuditLog::Open(path_));
  AuditEntry hostile = entry_;
  hostile.resources = std::vector<std::string>(1000, "a\n\"\xff\0" + std::string(100'000, 'x'));
  ASSERT_OK(log->Append(hostile));
  ASSERT_EQ(Lines(path_).size(), 1u);
  EXPECT_LT(ReadFile(path_, 1 << 20)->size(), 4096u);
}

TEST_F(AuditLogTest, ASecretThatWasTypedAsANameIsNotWritten) {
  ASSERT_OK_AND_ASSIGN(auto log, AuditLog::Open(path_));
  const std::string digits(64, 'a');
  AuditEntry entry = entry_;
  entry.resources = {"tenants/t/tokens/quantd_01k_" + digits};
  ASSERT_OK(log->Append(entry));
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadFile(path_, 1 << 20));
  EXPECT_EQ(text.find(digits.substr(0, 16)), std::string::npos);
  EXPECT_NE(text.find("quantd_01k_"), std::string::npos);
}

TEST_F(AuditLogTest, ThreadsDoNotMixTheirLines) {
  ASSERT_OK_AND_ASSIGN(auto log, AuditLog::Open(path_));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 250; ++i) EXPECT_OK(log->Append(entry_));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto lines = Lines(path_);
  ASSERT_EQ(lines.size(), 1000u);
  for (size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(lines[i]["sequence"], i + 1);
}

TEST_F(AuditLogTest, AFullDiskLeavesNoHalfLine) {
  ASSERT_OK_AND_ASSIGN(auto log, AuditLog::Open(path_));
  ASSERT_OK(log->Append(entry_));
  {
    const testing::FileSizeLimit full(FileSize(path_).value() + 10);
    EXPECT_FALSE(log->Append(entry_).ok());
  }
  EXPECT_EQ(Lines(path_).size(), 1u);
  ASSERT_OK(log->Append(entry_));
  EXPECT_EQ(Lines(path_).size(), 2u);
}

}  // namespace
}  // namespace quantd
