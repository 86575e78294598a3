#include "server/app/security.h"

#include <sys/stat.h>

#include "common/file.h"
#include "gmock/gmock.h"
#include "server/store/sqlite/sqlite_job_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/sequential_ids.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd {
namespace {

using ::testing::AllOf;
using testing::HasReason;
using ::testing::HasSubstr;
using ::testing::Not;

ServerConfig Listening(const std::string& listen) {
  ServerConfig config;
  config.listen = listen;
  return config;
}

TEST(CheckExposure, LoopbackNeedsNothing) {
  for (const char* listen : {"127.0.0.1:7460", "127.8.8.8:1", "localhost:0", "[::1]:7460"}) {
    EXPECT_OK(CheckExposure(Listening(listen))) << listen;
  }
}

TEST(CheckExposure, OtherAddressesNeedTlsAndAuthenticationOrTheWord) {
  for (const char* listen : {"0.0.0.0:7460", "[::]:7460", "10.0.0.1:7460", "build-host:7460"}) {
    SCOPED_TRACE(listen);
    ServerConfig config = Listening(listen);
    EXPECT_THAT(std::string(CheckExposure(config).message()),
                AllOf(HasSubstr("--tls-cert"), HasSubstr("--auth token"), HasSubstr("--insecure")));
    config.auth = AuthMode::kToken;
    EXPECT_THAT(std::string(CheckExposure(config).message()),
                AllOf(HasSubstr("--tls-cert"), Not(HasSubstr("--auth token"))));
    config.tls = {.cert_file = "cert.pem", .key_file = "key.pem"};
    EXPECT_OK(CheckExposure(config));
    config.auth = AuthMode::kNone;
    EXPECT_THAT(CheckExposure(config), HasReason("EXPOSED"));
    config.insecure = true;
    EXPECT_OK(CheckExposure(config));
  }
}

TEST(CheckExposure, MetricsHaveAWordOfTheirOwn) {
  ServerConfig config;
  config.metrics_listen = "0.0.0.0:7461";
  config.insecure = true;
  EXPECT_THAT(CheckExposure(config), HasReason("EXPOSED"));
  config.metrics_insecure = true;
  EXPECT_OK(CheckExposure(config));
  config.metrics_insecure = false;
  config.metrics_listen = "none";
  EXPECT_OK(CheckExposure(config));
}

class TokenFiles : public ::testing::Test {
 protected:
  testing::TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/admin.token";
  testing::FakeClock clock_;
  testing::SequentialIds ids_;
  std::unique_ptr<SqliteJobStore> store_ =
      SqliteJobStore::Open(folder_.path() + "/quantd.db").value();
  TokenRegistry tokens_{store_.get(), &clock_, &ids_};
};

TEST_F(TokenFiles, TheOperatorsTokenIsMadeOnceAndIsAnAdminOfEveryTenant) {
  ASSERT_OK(AddAdminToken(path_, tokens_));
  struct stat info;
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const std::string content = ReadFile(path_, 4096).value();
  const std::string secret = content.substr(0, content.size() - 1);
  ASSERT_OK_AND_ASSIGN(const Caller caller, tokens_.Authenticate(secret));
  EXPECT_TRUE(caller.roles.Has(Role::kAdmin));
  EXPECT_FALSE(caller.roles.Has(Role::kWorker));
  EXPECT_EQ(caller.tenant, kEveryTenant);

  TokenRegistry after_restart(store_.get(), &clock_, &ids_);
  ASSERT_OK(AddAdminToken(path_, after_restart));
  EXPECT_OK(after_restart.Authenticate(secret));
}

TEST_F(TokenFiles, AFileThatOthersMayReadOrThatHoldsNoTokenIsRefused) {
  ASSERT_OK(WriteFileAtomically(path_, MakeSecret("operator")));
  ASSERT_EQ(::chmod(path_.c_str(), 0640), 0);
  EXPECT_THAT(AddAdminToken(path_, tokens_), HasReason("TOKEN_FILE_READABLE"));
  ASSERT_OK(WriteFileAtomically(path_, "secret\n"));
  ASSERT_EQ(::chmod(path_.c_str(), 0600), 0);
  EXPECT_THAT(AddAdminToken(path_, tokens_), HasReason("INVALID_TOKEN_FILE"));
}

TEST_F(TokenFiles, ATokenInThePlaceOfItsFileMakesNoFileOfThatName) {
  const std::string typed = folder_.path() + "/" + MakeSecret("operator");
  EXPECT_THAT(AddAdminToken(typed, tokens_), HasReason("INVALID_TOKEN_FILE"));
  EXPECT_FALSE(FileExists(typed));
}

TEST_F(TokenFiles, WorkersGetAFreshTokenThatIsAWorkersOnly) {
  ASSERT_OK(AddWorkerToken(path_, tokens_));
  const std::string first = ReadFile(path_, 4096).value();
  ASSERT_OK_AND_ASSIGN(const Caller caller,
                       tokens_.Authenticate(first.substr(0, first.size() - 1)));
  EXPECT_EQ(caller.roles, Roles{Role::kWorker});
  ASSERT_OK(AddWorkerToken(path_, tokens_));
  EXPECT_NE(ReadFile(path_, 4096).value(), first);
}

}  // namespace
}  // namespace quantd
