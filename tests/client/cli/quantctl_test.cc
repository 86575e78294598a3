// Every command but submit, and what they share: usage errors and help.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "client/cli/exit_code.h"
#include "common/digest.h"
#include "common/error.h"
#include "common/file.h"
#include "nlohmann/json.hpp"
#include "tests/client/cli/quantctl_fixture.h"
#include "tests/client/cli/sample_job.h"

namespace quantd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using CommandsTest = testing::QuantctlTest;

TEST_F(CommandsTest, WrongUsageIsToldWithoutAServer) {
  const std::pair<std::vector<std::string>, const char*> kCases[] = {
      {{"sumbit"}, "did you mean 'submit'?"},
      {{"list", "--fliter", "x"}, "did you mean --filter?"},
      {{"get"}, "'get' needs JOB"},
      {{"get", "a", "b"}, "unexpected argument 'b'"},
      {{"list", "--output", "xml"}, "--output is 'table' or 'json'"},
      {{"submit", "--preset", "p"}, "no model"},
      {{"submit", "--model", "m"}, "no recipe"},
      {{"submit", "--preset", "p", "--model", "/no/model.onnx", "--data", "d"}, "/no/model.onnx"},
      {{"--bogus"}, "unknown flag --bogus"},
      {{"get", "\xff"}, "'?' is not UTF-8"},
      {{"submit", "--preset", "p", "--gate", "nonsense"}, "--gate"}};
  for (const auto& [words, text] : kCases) {
    EXPECT_EQ(Run(words), kExitInvalidRequest) << words[0];
    EXPECT_THAT(err_.str(), HasSubstr(text));
  }
}

TEST_F(CommandsTest, HelpIsThereInEveryForm) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--help"}, {"help"}, {"-h"}, {"--server", "x", "--help"}}) {
    EXPECT_EQ(Run(words), kExitOk);
    EXPECT_THAT(out_.str(), HasSubstr("Commands:"));
  }
  for (const std::vector<std::string>& words : {std::vector<std::string>{"submit", "--help"},
                                                {"help", "submit"},
                                                {"submit", "--model", "x", "-h"}}) {
    EXPECT_EQ(Run(words), kExitOk);
    EXPECT_THAT(out_.str(), HasSubstr("Usage: quantctl submit"));
  }
  EXPECT_EQ(Run({}), kExitInvalidRequest);
  EXPECT_THAT(err_.str(), HasSubstr("Commands:"));
}

TEST_F(CommandsTest, ASwitchBeforeTheCommandTakesNoWordOfIt) {
  EXPECT_EQ(Run({"--insecure", "version"}), kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("quantctl"));
  EXPECT_EQ(Run({"--tls", "--tenant", "vision", "version"}), kExitOk);
}

TEST_F(CommandsTest, AnActionOfAdminHasAHelpOfItsOwn) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"admin", "token", "rotate", "--help"},
        {"help", "admin", "token", "rotate"},
        {"admin", "--tenant", "vision", "token", "rotate", "01k3zr", "-h"}}) {
    EXPECT_EQ(Run(words), kExitOk);
    EXPECT_THAT(out_.str(), AllOf(HasSubstr("Usage: quantctl admin token rotate TOKEN [FLAGS]"),
                                  HasSubstr("--overlap"), HasSubstr("quantctl admin token rotate"),
                                  Not(HasSubstr("--stored-bytes-max"))));
  }
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"admin", "--help"}, {"admin", "token", "--help"}}) {
    EXPECT_EQ(Run(words), kExitOk);
    EXPECT_THAT(out_.str(), AllOf(HasSubstr("Usage: quantctl admin ACTION"),
                                  HasSubstr("token create"), HasSubstr("tenant set")));
  }
  EXPECT_EQ(Run({"admin", "token"}), kExitInvalidRequest);
  EXPECT_THAT(err_.str(),
              HasSubstr("there are token create, token list, token rotate, token revoke"));
}

TEST_F(CommandsTest, ATokensSecretIsTakenForNoNameAndQuotedNowhere) {
  const std::string digits(64, 'c');
  EXPECT_EQ(Run({"admin", "token", "revoke", "quantd_01k3zr_" + digits}), kExitInvalidRequest);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("give its id, 01k3zr"), Not(HasSubstr(digits))));
  EXPECT_EQ(Run({"--token-file", "quantd_01k3zr_" + digits, "list"}), kExitInvalidRequest);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("a token itself"), Not(HasSubstr(digits))));
}

TEST_F(CommandsTest, WhereASecretCannotBeWrittenNoTokenIsAskedFor) {
  const std::string taken = Write("taken.token", "somebody's");
  const std::string nowhere = folder_ + "/absent/new.token";
  for (const std::vector<std::string>& action :
       {std::vector<std::string>{"admin", "token", "create", "--roles", "read"},
        {"admin", "token", "rotate", "01k3zr"}}) {
    std::vector<std::string> words = action;
    words.insert(words.end(), {"--out", taken});
    EXPECT_EQ(Run(words), kExitInvalidRequest);
    EXPECT_THAT(err_.str(), HasSubstr("exists; remove it first"));
    words.back() = nowhere;
    EXPECT_EQ(Run(words), kExitInvalidRequest);
    EXPECT_THAT(err_.str(), HasSubstr(nowhere));
    // The server here has no tokens: its refusal leaves no file behind.
    words.back() = folder_ + "/new.token";
    EXPECT_EQ(Run(words), kExitInvalidRequest);
    EXPECT_THAT(err_.str(), HasSubstr("UNIMPLEMENTED"));
    EXPECT_FALSE(FileExists(words.back()));
  }
  EXPECT_THAT(ReadFile(taken, 100), testing::IsOkAndHolds("somebody's"));
}

TEST_F(CommandsTest, WatchResumesAndEndsWithTheJobsExitCode) {
  FinishJobs();
  ASSERT_EQ(Submit({}), kExitOk);
  v1::JobEvent running;
  running.set_sequence(2);
  running.mutable_progress()->set_stage("evaluate");
  server_.jobs.events.push_back(running);
  server_.jobs.break_watch_after_events = 1;
  EXPECT_EQ(Run({"watch", "j1"}), kExitOk) << err_.str();
  EXPECT_THAT(server_.jobs.watch_starts, ElementsAre(0, 1));
  EXPECT_THAT(out_.str(), HasSubstr("evaluate"));
  EXPECT_THAT(out_.str(), HasSubstr("gate PASSED"));
}

TEST_F(CommandsTest, AnInterruptLeavesTheJobAndSaysHowToGoOn) {
  ASSERT_EQ(Submit({}), kExitOk);
  v1::JobEvent event;
  event.set_sequence(1);
  server_.jobs.events = {event};
  std::jthread interrupter([this] {
    while (true) {
      const std::lock_guard lock(server_.jobs.mutex);
      if (!server_.jobs.watch_starts.empty()) break;
    }
    stop_.request_stop();
  });
  EXPECT_EQ(Run({"watch", "j1"}), kExitInterrupted);
  EXPECT_THAT(err_.str(), HasSubstr("quantctl watch tenants/default/jobs/j1"));
  EXPECT_EQ(server_.jobs.jobs["tenants/default/jobs/j1"].state(), v1::Job::QUEUED);
}

TEST_F(CommandsTest, ListFollowsPagesUpToItsLimit) {
  for (int i = 0; i < 5; ++i) ASSERT_EQ(Submit({}), kExitOk);
  ASSERT_EQ(Run({"list", "--page-size", "2", "--filter", "state=QUEUED", "--output=json"}),
            kExitOk);
  EXPECT_EQ(nlohmann::json::parse(out_.str())["jobs"].size(), 5u);
  EXPECT_EQ(server_.jobs.list_calls, 3);
  EXPECT_EQ(server_.jobs.last_list.filter(), "state=QUEUED");
  ASSERT_EQ(Run({"list", "--limit", "3"}), kExitOk);
  EXPECT_THAT(out_.str(), StartsWith("NAME                     STATE   PROGRESS  AGE"));
  EXPECT_THAT(out_.str(), HasSubstr("jobs/j3  QUEUED"));
  EXPECT_THAT(out_.str(), Not(HasSubstr("jobs/j4")));
  EXPECT_THAT(err_.str(), HasSubstr("there are more"));
}

TEST_F(CommandsTest, GetCancelDownloadReportAndDeleteWorkByShortName) {
  FinishJobs();
  ASSERT_EQ(Submit({}), kExitOk);
  EXPECT_EQ(Run({"get", "j1"}), kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("state:        SUCCEEDED"));
  EXPECT_EQ(Run({"download", "j1", "--to", folder_ + "/o"}), kExitOk);
  EXPECT_EQ(out_.str(), folder_ + "/o/model.onnx_qdq.onnx\n" + folder_ + "/o/report.html\n");
  EXPECT_EQ(Run({"report", "j1", "--html", folder_ + "/r.html"}), kExitOk);
  EXPECT_EQ(ReadFile(folder_ + "/r.html", 100).value(), "<html>");
  EXPECT_EQ(Run({"report", "j1", "--json"}), kExitOk);
  EXPECT_EQ(nlohmann::json::parse(out_.str())["metrics"][0]["value"], 0.996);
  EXPECT_EQ(Run({"cancel", "j1"}), kExitOk);
  EXPECT_EQ(out_.str(), "tenants/default/jobs/j1  CANCELLED\n");
  EXPECT_EQ(Run({"delete", "j1"}), kExitOk);
  EXPECT_EQ(Run({"get", "j1"}), kExitInvalidRequest);
  EXPECT_THAT(err_.str(), HasSubstr("NOT_FOUND"));
}

TEST_F(CommandsTest, RedriveTellsWhatBecameOfEachJob) {
  ASSERT_EQ(Submit({}), kExitOk);
  EXPECT_EQ(Run({"redrive", "j1"}), kExitOk);
  EXPECT_EQ(out_.str(), "tenants/default/jobs/j1  QUEUED\n");
  EXPECT_EQ(Run({"--output", "json", "redrive", "j1"}), kExitOk);
  EXPECT_EQ(nlohmann::json::parse(out_.str())["state"], "QUEUED");
  EXPECT_EQ(Run({"redrive", "none"}), kExitInvalidRequest);
  EXPECT_EQ(Run({"redrive"}), kExitInvalidRequest);
}

TEST_F(CommandsTest, AJobWithoutReportOrArtifactSaysSo) {
  ASSERT_EQ(Submit({}), kExitOk);
  EXPECT_EQ(Run({"report", "j1"}), kExitInvalidRequest);
  EXPECT_THAT(err_.str(), HasSubstr("has no report yet"));
  EXPECT_EQ(Run({"download", "j1"}), kExitInvalidRequest);
  EXPECT_THAT(err_.str(), HasSubstr("has no artifact yet"));
}

TEST_F(CommandsTest, DoctorPassesAndWarns) {
  EXPECT_EQ(Run({"doctor"}), kExitOk) << out_.str();
  EXPECT_THAT(out_.str(), HasSubstr("ok    server: "));
  EXPECT_THAT(out_.str(), HasSubstr("ok    workers: "));
  server_.quality.no_worker_yet = true;
  EXPECT_EQ(Run({"doctor"}), kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("warn  workers: no worker"));
  EXPECT_EQ(Run({"doctor", "--server", "127.0.0.1:1", "--timeout", "0.2"}), kExitInfrastructure);
  EXPECT_THAT(out_.str(), HasSubstr("fail  server: "));
}

TEST_F(CommandsTest, CataloguesAreTables) {
  EXPECT_EQ(Run({"presets"}), kExitOk);
  EXPECT_EQ(out_.str(),
            "PRESET    SUMMARY\nw8a8-mse  Eight bits, ranges by least squared error.\n");
  EXPECT_EQ(Run({"methods", "range"}), kExitOk);
  EXPECT_EQ(out_.str(), "AXIS   ID   SUMMARY\nrange  mse  Least squared error.\n");
  EXPECT_EQ(Run({"methods", "metric"}), kExitOk);
  EXPECT_EQ(out_.str(), "AXIS    ID  SUMMARY\nmetric  kl  Mean divergence.\n");
  EXPECT_EQ(Run({"methods", "metric", "kl"}), kExitOk);
  EXPECT_EQ(out_.str(), "metric kl: Mean divergence.\nunit: nat\n");
  EXPECT_EQ(Run({"methods", "transform"}), kExitOk);
  EXPECT_EQ(err_.str(), "no worker offers any transform\n");
  EXPECT_EQ(Run({"methods", "rnage"}), kExitInvalidRequest);
  EXPECT_THAT(err_.str(), HasSubstr("there is no axis 'rnage'"));
}

TEST_F(CommandsTest, UploadSendsFilesAndNamesThem) {
  EXPECT_EQ(Run({"upload", folder_ + "/data.npy", "--artifact"}), kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), StartsWith("tenants/default/artifacts/a1\n"));
  EXPECT_THAT(out_.str(), HasSubstr(Sha256Hex("data bytes")));
}

}  // namespace
}  // namespace quantd
