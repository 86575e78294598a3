#include "worker/app/worker_flags.h"

#include "common/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd {
namespace {

using ::quantd::testing::HasReason;
using ::quantd::testing::NamesField;
using ::testing::HasSubstr;
using ::testing::Not;

std::optional<std::string> NoEnvironment(const std::string&) { return std::nullopt; }

TEST(WorkerFlags, HaveDefaults) {
  ASSERT_OK_AND_ASSIGN(const WorkerFlags flags, ParseWorkerFlags({}, NoEnvironment));
  EXPECT_EQ(flags.server, "127.0.0.1:7460");
  EXPECT_EQ(flags.worker_name, "");
  EXPECT_EQ(flags.data_dir, "quantd-worker-data");
  EXPECT_EQ(flags.threads, 0);
  EXPECT_EQ(flags.job_memory_bytes, 17179869184);
  EXPECT_EQ(flags.job_cpu_seconds, 86400);
  EXPECT_EQ(flags.cache_bytes, 21474836480);
  EXPECT_EQ(flags.job_folder_retention, absl::Hours(24));
  EXPECT_EQ(flags.job_user, "");
  EXPECT_FALSE(flags.require_sandbox);
  EXPECT_FALSE(flags.credentials.UsesTls());
  EXPECT_EQ(flags.log.level, LogLevel::kInfo);
  EXPECT_EQ(flags.log.format, LogFormat::kText);
}

TEST(WorkerFlags, ReadEveryFlag) {
  ASSERT_OK_AND_ASSIGN(
      const WorkerFlags flags,
      ParseWorkerFlags({"--server", "host:1", "--worker-name=w", "--data-dir", "d", "--threads",
                        "2", "--job-memory-bytes", "8589934592", "--job-cpu-seconds=60",
                        "--cache-bytes", "1GiB", "--log-level", "error", "--log-format", "json"},
                       NoEnvironment));
  EXPECT_EQ(flags.server, "host:1");
  EXPECT_EQ(flags.worker_name, "w");
  EXPECT_EQ(flags.data_dir, "d");
  EXPECT_EQ(flags.threads, 2);
  EXPECT_EQ(flags.job_memory_bytes, 8589934592);
  EXPECT_EQ(flags.job_cpu_seconds, 60);
  EXPECT_EQ(flags.cache_bytes, 1 << 30);
  EXPECT_EQ(flags.log.level, LogLevel::kError);
  EXPECT_EQ(flags.log.format, LogFormat::kJson);
}

TEST(WorkerFlags, ReadWhatMakesTheWorkerSafe) {
  ASSERT_OK_AND_ASSIGN(
      const WorkerFlags flags,
      ParseWorkerFlags({"--require-sandbox", "--job-user", "jobs", "--job-folder-retention", "36h", "--tls",
                        "--tls-ca", "ca.pem", "--tls-cert=own.pem", "--tls-key", "own.key", "--token-file",
                        "token", "--insecure"},
                       NoEnvironment));
  EXPECT_TRUE(flags.require_sandbox);
  EXPECT_EQ(flags.job_user, "jobs");
  EXPECT_EQ(flags.job_folder_retention, absl::Hours(36));
  EXPECT_TRUE(flags.credentials.tls);
  EXPECT_EQ(flags.credentials.ca_file, "ca.pem");
  EXPECT_EQ(flags.credentials.cert_file, "own.pem");
  EXPECT_EQ(flags.credentials.key_file, "own.key");
  EXPECT_EQ(flags.credentials.token_file, "token");
  EXPECT_TRUE(flags.credentials.insecure);
}

TEST(WorkerFlags, EnvironmentAndFileSetThemToo) {
  testing::TemporaryFolder folder;
  const std::string config = folder.path() + "/worker.yaml";
  ASSERT_OK(WriteFileAtomically(config, "server: from-file:1\nthreads: 3\n"));
  ASSERT_OK_AND_ASSIGN(const WorkerFlags flags,
                       ParseWorkerFlags({"--config", config},
                                        [](const std::string& name) -> std::optional<std::string> {
                                          if (name != "QUANTD_WORKER_SERVER") return std::nullopt;
                                          return "from-environment:2";
                                        }));
  EXPECT_EQ(flags.server, "from-environment:2");
  EXPECT_EQ(flags.threads, 3);
}

TEST(WorkerFlags, RefuseWhatIsWrong) {
  EXPECT_THAT(ParseWorkerFlags({"--threads", "-1"}, NoEnvironment), NamesField("--threads"));
  EXPECT_THAT(ParseWorkerFlags({"--job-memory-bytes", "1"}, NoEnvironment),
              NamesField("--job-memory-bytes"));
  EXPECT_THAT(ParseWorkerFlags({"--log-level", "loud"}, NoEnvironment), NamesField("--log-level"));
  EXPECT_THAT(ParseWorkerFlags({"--server", "nowhere"}, NoEnvironment), HasReason("INVALID_FLAG"));
}

TEST(WorkerFlags, TheProcessOfAJobReadsItsFlagsAlone) {
  // A variable that is wrong by now must not fail jobs of a worker that started well.
  ASSERT_OK_AND_ASSIGN(
      const WorkerFlags flags,
      ParseWorkerFlags({"--run-job", "dir", "--events-fd", "5", "--threads", "2"},
                       [](const std::string&) { return std::optional<std::string>("?"); }));
  EXPECT_EQ(flags.run_job, "dir");
  EXPECT_EQ(flags.events_fd, 5);
  EXPECT_EQ(flags.threads, 2);
}

TEST(WorkerFlags, HelpNamesTheVariablesAndHidesInternalFlags) {
  const std::string help = WorkerHelp();
  EXPECT_THAT(help, HasSubstr("QUANTD_WORKER_DATA_DIR"));
  EXPECT_THAT(help, HasSubstr("Default: host name and process id."));
  EXPECT_THAT(help, HasSubstr("Default: 16GiB."));
  EXPECT_THAT(help, Not(HasSubstr("run-job")));
}

}  // namespace
}  // namespace quantd
