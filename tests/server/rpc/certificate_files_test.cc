#include "server/rpc/certificate_files.h"

#include "common/file.h"
#include "tests/support/certificates.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd {
namespace {

using ::testing::AllOf;
using testing::CertificateAuthority;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::NamesField;
using testing::PemPair;

class CertificateFilesTest : public ::testing::Test {
 protected:
  CertificateFilesTest() { Write(authority_.Issue("first", "DNS:localhost")); }

  void Write(const std::string& path, const std::string& content) {
    ASSERT_OK(WriteFileAtomically(path, content));
  }
  void Write(const PemPair& pair) {
    Write(files_.cert_file, pair.certificate);
    Write(files_.key_file, pair.key);
  }

  // The error that names the flag and the file.
  void ExpectRefused(const absl::Status& status, const std::string& flag, const std::string& file,
                     const std::string& words) {
    EXPECT_THAT(status, HasReason("INVALID_TLS"));
    EXPECT_THAT(status, NamesField(flag));
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(file), HasSubstr(words)));
  }

  testing::TemporaryFolder folder_;
  CertificateAuthority authority_;
  TlsFiles files_{.cert_file = folder_.path() + "/cert.pem",
                  .key_file = folder_.path() + "/key.pem",
                  .client_ca_file = ""};
};

TEST_F(CertificateFilesTest, AtStartEachFileThatCannotBeUsedIsNamed) {
  const std::string text = folder_.path() + "/text";
  const std::string other = folder_.path() + "/other.key";
  const std::string absent = folder_.path() + "/absent";
  Write(text, "dear server");
  Write(other, authority_.Issue("other", "DNS:localhost").key);
  const auto open = [this](std::string TlsFiles::*file, const std::string& path) {
    TlsFiles files = files_;
    files.*file = path;
    return CertificateFiles::Open(files).status();
  };
  ASSERT_OK(open(&TlsFiles::cert_file, files_.cert_file));
  ExpectRefused(open(&TlsFiles::cert_file, absent), "tls-cert", absent, "No such file");
  ExpectRefused(open(&TlsFiles::key_file, absent), "tls-key", absent, "No such file");
  ExpectRefused(open(&TlsFiles::client_ca_file, absent), "tls-client-ca", absent, "No such file");
  ExpectRefused(open(&TlsFiles::cert_file, text), "tls-cert", text, "no PEM certificate");
  ExpectRefused(open(&TlsFiles::key_file, text), "tls-key", text, "no PEM key");
  ExpectRefused(open(&TlsFiles::client_ca_file, text), "tls-client-ca", text, "no PEM certificate");
  ExpectRefused(open(&TlsFiles::key_file, other), "tls-key", other, "is not the key");
}

TEST_F(CertificateFilesTest, WhatFitsTogetherIsTakenOnce) {
  ASSERT_OK_AND_ASSIGN(const auto open, CertificateFiles::Open(files_));
  const auto first = open->content();
  EXPECT_THAT(open->Reload(), testing::IsOkAndHolds(false));
  EXPECT_EQ(open->content(), first);
  const PemPair second = authority_.Issue("second", "DNS:localhost");
  Write(second);
  EXPECT_THAT(open->Reload(), testing::IsOkAndHolds(true));
  EXPECT_EQ(open->content()->certificates, second.certificate);
  EXPECT_EQ(open->content()->key, second.key);
  EXPECT_THAT(open->Reload(), testing::IsOkAndHolds(false));
}

TEST_F(CertificateFilesTest, HalfAChangeLeavesWhatWasThere) {
  ASSERT_OK_AND_ASSIGN(const auto open, CertificateFiles::Open(files_));
  const auto first = open->content();
  const PemPair second = authority_.Issue("second", "DNS:localhost");
  Write(files_.cert_file, second.certificate);
  ExpectRefused(open->Reload().status(), "tls-key", files_.key_file, "is not the key");
  Write(files_.cert_file, second.certificate.substr(0, second.certificate.size() / 2));
  ExpectRefused(open->Reload().status(), "tls-cert", files_.cert_file, "damaged");
  ASSERT_OK(RemoveAll(files_.cert_file));
  ExpectRefused(open->Reload().status(), "tls-cert", files_.cert_file, "No such file");
  EXPECT_EQ(open->content(), first);
  Write(second);
  EXPECT_THAT(open->Reload(), testing::IsOkAndHolds(true));
}

TEST_F(CertificateFilesTest, TheAuthoritiesOfClientsChangeAlone) {
  files_.client_ca_file = folder_.path() + "/ca.pem";
  Write(files_.client_ca_file, authority_.pem());
  ASSERT_OK_AND_ASSIGN(const auto open, CertificateFiles::Open(files_));
  EXPECT_EQ(open->content()->client_authorities, authority_.pem());
  ASSERT_OK(RemoveAll(files_.client_ca_file));
  ExpectRefused(open->Reload().status(), "tls-client-ca", files_.client_ca_file, "No such file");
  EXPECT_EQ(open->content()->client_authorities, authority_.pem());
  const std::string other = CertificateAuthority("other").pem();
  Write(files_.client_ca_file, other);
  EXPECT_THAT(open->Reload(), testing::IsOkAndHolds(true));
  EXPECT_EQ(open->content()->client_authorities, other);
}

}  // namespace
}  // namespace quantd
