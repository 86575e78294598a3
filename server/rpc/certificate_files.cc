#include "server/rpc/certificate_files.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/file.h"
#include "common/status_macros.h"
#include "proto/wire/pem.h"

namespace quantd {
namespace {

constexpr int64_t kPemBytesMax = 4 << 20;

absl::Status InvalidTls(const std::string& flag, const std::string& problem) {
  return InvalidField("INVALID_TLS", flag, problem);
}

// Says which file a problem is of.
absl::Status Of(const std::string& flag, const std::string& path, const absl::Status& problem) {
  if (problem.ok()) return problem;
  return InvalidTls(flag, absl::StrCat(path, " ", problem.message()));
}

absl::StatusOr<std::string> Read(const std::string& flag, const std::string& path) {
  absl::StatusOr<std::string> content = ReadFile(path, kPemBytesMax);
  if (content.ok()) return content;
  return InvalidTls(flag, std::string(content.status().message()));
}

absl::StatusOr<CertificateFiles::Content> ReadAll(const TlsFiles& files) {
  CertificateFiles::Content content;
  ASSIGN_OR_RETURN(content.certificates, Read("tls-cert", files.cert_file));
  RETURN_IF_ERROR(Of("tls-cert", files.cert_file, CheckCertificates(content.certificates)));
  ASSIGN_OR_RETURN(content.key, Read("tls-key", files.key_file));
  RETURN_IF_ERROR(Of("tls-key", files.key_file, CheckKey(content.key)));
  if (const absl::Status problem = CheckIdentity(content.certificates, content.key);
      !problem.ok()) {
    return InvalidTls("tls-key", absl::StrCat(files.key_file, " ", problem.message(), " (",
                                              files.cert_file, ")"));
  }
  if (files.client_ca_file.empty()) return content;
  ASSIGN_OR_RETURN(content.client_authorities, Read("tls-client-ca", files.client_ca_file));
  RETURN_IF_ERROR(
      Of("tls-client-ca", files.client_ca_file, CheckCertificates(content.client_authorities)));
  return content;
}

}  // namespace

absl::StatusOr<std::shared_ptr<CertificateFiles>> CertificateFiles::Open(const TlsFiles& files) {
  auto opened = std::shared_ptr<CertificateFiles>(new CertificateFiles(files));
  RETURN_IF_ERROR(opened->Reload().status());
  return opened;
}

absl::StatusOr<bool> CertificateFiles::Reload() {
  ASSIGN_OR_RETURN(Content content, ReadAll(files_));
  const std::lock_guard lock(mutex_);
  if (content_ != nullptr && *content_ == content) return false;
  content_ = std::make_shared<const Content>(std::move(content));
  return true;
}

std::shared_ptr<const CertificateFiles::Content> CertificateFiles::content() const {
  const std::lock_guard lock(mutex_);
  return content_;
}

}  // namespace quantd
