#include "server/app/server_config.h"

#include <fstream>
#include <map>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd {
namespace {

using testing::HasReason;
using testing::NamesField;

Environment Variables(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
}

TEST(ServerConfigTest, AFlagWinsOverTheEnvironmentAndThatOverTheFile) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.path() + "/quantd.yaml";
  std::ofstream(file) << "workers: 5\ndata-dir: /from/file\nlease-length: 20s\n";
  const auto environment =
      Variables({{"QUANTD_WORKERS", "6"}, {"QUANTD_DATA_DIR", "/from/environment"}});
  const auto config = ParseServerConfig({"--config", file, "--workers=7"}, environment);
  ASSERT_OK(config);
  EXPECT_EQ(config->workers, 7);
  EXPECT_EQ(config->data_dir, "/from/environment");
  EXPECT_EQ(config->lease_length, absl::Seconds(20));
  EXPECT_EQ(config->listen, "127.0.0.1:7460");
}

TEST(ServerConfigTest, ServesOnLoopbackUnlessTold) {
  const auto config = ParseServerConfig({}, Variables({}));
  ASSERT_OK(config);
  EXPECT_EQ(config->listen, "127.0.0.1:7460");
  EXPECT_EQ(config->metrics_listen, "127.0.0.1:7461");
  EXPECT_FALSE(config->embedded);
}

TEST(ServerConfigTest, TenantsHaveABoundedQueueUnlessTold) {
  const auto config = ParseServerConfig({}, Variables({}));
  ASSERT_OK(config);
  EXPECT_EQ(config->queued_jobs_max, 10'000);
  EXPECT_EQ(config->running_jobs_max, 0);
  const auto told =
      ParseServerConfig({"--queued-jobs-max=0", "--running-jobs-max", "4"}, Variables({}));
  ASSERT_OK(told);
  EXPECT_EQ(told->queued_jobs_max, 0);
  EXPECT_EQ(told->running_jobs_max, 4);
  EXPECT_THAT(ParseServerConfig({"--queued-jobs-max=-1"}, Variables({})).status(),
              NamesField("--queued-jobs-max"));
}

TEST(ServerConfigTest, MetricsCanBeTurnedOff) {
  EXPECT_EQ(ParseServerConfig({"--metrics-listen", "none"}, Variables({}))->metrics_listen, "none");
}

TEST(ServerConfigTest, WrongValuesAreToldByWhereTheyStand) {
  const auto none = Variables({});
  EXPECT_THAT(ParseServerConfig({"--workers", "0"}, none).status(), NamesField("--workers"));
  EXPECT_THAT(ParseServerConfig({"--lease-length", "15"}, none).status(),
              NamesField("--lease-length"));
  EXPECT_THAT(ParseServerConfig({"--listen", "nowhere"}, none).status(), NamesField("--listen"));
  EXPECT_THAT(ParseServerConfig({"--wrokers", "2"}, none).status(), HasReason("INVALID_FLAG"));
  EXPECT_THAT(ParseServerConfig({}, Variables({{"QUANTD_CALLS_MAX", "many"}})).status(),
              NamesField("QUANTD_CALLS_MAX"));
}

TEST(ServerConfigTest, TheHelpExplainsEveryOption) {
  const std::string help = ServerHelp();
  for (const char* option : {"--config",
                             "--listen",
                             "--metrics-listen",
                             "--port-file",
                             "--data-dir",
                             "--embedded",
                             "--workers",
                             "--worker-threads",
                             "--worker-binary",
                             "--require-sandbox",
                             "--queued-jobs-max",
                             "--running-jobs-max",
                             "--lease-length",
                             "--drain-timeout",
                             "--calls-max",
                             "--tenant-calls-max",
                             "--connections-max",
                             "--connections-per-address-max",
                             "--auth",
                             "--admin-token-file",
                             "--tls-cert",
                             "--tls-key",
                             "--tls-client-ca",
                             "--insecure",
                             "--metrics-insecure",
                             "--audit-log",
                             "--calls-per-second",
                             "--stream-idle-timeout",
                             "--blob-grace",
                             "--garbage-interval",
                             "--stored-bytes-max",
                             "--retention",
                             "--log-level",
                             "--log-format",
                             "--help",
                             "--version"}) {
    EXPECT_TRUE(absl::StrContains(help, option)) << option;
  }
}

}  // namespace
}  // namespace quantd
