#include "proto/wire/pem.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/support/certificates.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::CertificateAuthority;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::PemPair;

class PemTest : public ::testing::Test {
 protected:
  static std::string ProblemOf(const absl::Status& status) {
    EXPECT_THAT(status, HasReason("INVALID_CERTIFICATE"));
    return std::string(status.message());
  }

  CertificateAuthority authority_;
  PemPair pair_ = authority_.Issue("localhost", "DNS:localhost");
};

TEST_F(PemTest, OneCertificateOrAChainPasses) {
  EXPECT_OK(CheckCertificates(pair_.certificate));
  EXPECT_OK(CheckCertificates(absl::StrCat("first words\n", pair_.certificate, authority_.pem())));
  EXPECT_OK(CheckKey(pair_.key));
  EXPECT_OK(CheckIdentity(absl::StrCat(pair_.certificate, authority_.pem()), pair_.key));
}

TEST_F(PemTest, TextThatHoldsNoneIsTold) {
  for (const std::string& text : {std::string(), std::string("dear server"), pair_.key}) {
    EXPECT_THAT(ProblemOf(CheckCertificates(text)), HasSubstr("no PEM certificate"));
  }
  for (const std::string& text : {std::string(), std::string("dear server"), pair_.certificate}) {
    EXPECT_THAT(ProblemOf(CheckKey(text)), HasSubstr("no PEM key"));
  }
}

TEST_F(PemTest, ACertificateOfTheChainThatIsCutShortIsTold) {
  const std::string& whole = pair_.certificate;
  // Every cut behind the first line's end and before the last line.
  for (size_t size = whole.find('\n') + 1; size < whole.rfind("-----END"); size += 7) {
    EXPECT_FALSE(CheckCertificates(whole.substr(0, size)).ok()) << size;
    EXPECT_THAT(ProblemOf(CheckCertificates(whole + whole.substr(0, size))), HasSubstr("damaged"));
    EXPECT_FALSE(CheckKey(pair_.key.substr(0, std::min(size, pair_.key.rfind("-----END")))).ok());
  }
}

TEST_F(PemTest, AKeyOfAnotherCertificateIsTold) {
  const PemPair other = authority_.Issue("localhost", "DNS:localhost");
  EXPECT_THAT(ProblemOf(CheckIdentity(pair_.certificate, other.key)), HasSubstr("is not the key"));
  // The key of a chain is that of its first certificate.
  EXPECT_OK(CheckIdentity(other.certificate + pair_.certificate, other.key));
  EXPECT_FALSE(CheckIdentity(pair_.certificate + other.certificate, other.key).ok());
}

TEST_F(PemTest, AKeyWithAPasswordIsToldWithoutAskingForIt) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(
      BIO_new_mem_buf(pair_.key.data(), static_cast<int>(pair_.key.size())), &BIO_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
  ASSERT_EQ(PEM_write_bio_PrivateKey(out.get(), key.get(), EVP_aes_128_cbc(), nullptr, 0, nullptr,
                                     const_cast<char*>("password")),
            1);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &data);
  EXPECT_THAT(ProblemOf(CheckKey(std::string(data, static_cast<size_t>(size)))),
              HasSubstr("password"));
}

TEST_F(PemTest, TheEndIsThatOfTheFirstCertificate) {
  ASSERT_OK_AND_ASSIGN(const absl::Time end, ExpiryOf(pair_.certificate + authority_.pem()));
  // Made to last a day from now on; both ends of the test's run stand beside.
  EXPECT_LE(end, absl::Now() + absl::Hours(24));
  EXPECT_GT(end, absl::Now() + absl::Hours(23));
  EXPECT_THAT(ExpiryOf("none"), HasReason("INVALID_CERTIFICATE"));
}

}  // namespace
}  // namespace quantd
