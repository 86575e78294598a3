#include "server/rpc/server_credentials.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include <mutex>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "common/check.h"
#include "common/error.h"
#include "common/log.h"
#include "common/repeating_thread.h"
#include "common/status_macros.h"
#include "proto/wire/pem.h"

namespace quantd {
namespace {

absl::Status InvalidTls(const std::string& flag, const std::string& problem) {
  return InvalidField("INVALID_TLS", flag, problem);
}

// What gRPC has been given for one port.
struct Port {
  std::shared_ptr<CertificateFiles> files;
  std::mutex mutex;
  std::shared_ptr<const CertificateFiles::Content> given;  // Guarded by mutex.
};

// Asked by gRPC before each handshake. What it cannot use it logs, and goes on with what it had.
grpc_ssl_certificate_config_reload_status Fetch(void* user_data,
                                                grpc_ssl_server_certificate_config** config) {
  Port& port = *static_cast<Port*>(user_data);
  const std::lock_guard lock(port.mutex);
  const auto content = port.files->content();
  if (content == port.given) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
  const grpc_ssl_pem_key_cert_pair pair = {content->key.c_str(), content->certificates.c_str()};
  // gRPC insists on authorities of clients, also where clients are not asked for a certificate and
  // nobody looks at them.
  const std::string& authorities =
      content->client_authorities.empty() ? content->certificates : content->client_authorities;
  *config = grpc_ssl_server_certificate_config_create(authorities.c_str(), &pair, 1);
  port.given = content;
  return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

// gRPC's own watcher of files (FileWatcherCertificateProvider of 1.51) takes a key that is not the
// certificate's, and then no handshake succeeds until the files change again. Hence gRPC's other
// way, a function that it asks, and files that are checked before.
class FileCredentials final : public grpc::ServerCredentials {
 public:
  FileCredentials(std::shared_ptr<CertificateFiles> files, absl::Duration look_every)
      : files_(std::move(files)), thread_(look_every, look_every, [this] { Look(); }) {
    TellExpiry("serving over TLS");
  }

  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {
    QUANTD_CHECK(false);  // Its place is taken, see AddPortToServer(); nothing here needs one.
  }

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    auto* const port = new Port{.files = files_, .mutex = {}, .given = nullptr};
    const bool asks_clients = !files_->content()->client_authorities.empty();
    grpc_server_credentials* const credentials = grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(
            asks_clients ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                         : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
            Fetch, port));
    // gRPC uses `port` as long as the last handshake lasts, and says when that is in one way only:
    // a processor of metadata, here without a function to process anything, is destroyed with its
    // credentials.
    grpc_server_credentials_set_auth_metadata_processor(
        credentials, {.process = nullptr,
                      .destroy = [](void* state) { delete static_cast<Port*>(state); },
                      .state = port});
    const int bound = grpc_server_add_http2_port(server, address.c_str(), credentials);
    grpc_server_credentials_release(credentials);
    return bound;
  }

  void Look() {
    const absl::StatusOr<bool> changed = files_->Reload();
    const std::string found = changed.ok() ? "" : std::string(changed.status().message());
    // A problem is told when it is there at two looks in a row: files are replaced one by one.
    if (!found.empty() && found == problem_ && found != told_) {
      LOG_ERROR("new TLS files cannot be used; the last good ones stay", {{"error", found}});
      told_ = found;
    }
    if (found.empty() && !told_.empty()) {
      LOG_INFO("the TLS files can be used again", {});
      told_.clear();
    }
    if (changed.ok() && *changed) TellExpiry("new connections use the new TLS files");
    problem_ = found;
  }

  void TellExpiry(absl::string_view event) const {
    const absl::StatusOr<absl::Time> expiry = ExpiryOf(files_->content()->certificates);
    if (!expiry.ok()) return;
    LOG_INFO(event, {{"certificate_ends", absl::FormatTime(*expiry, absl::UTCTimeZone())}});
  }

  const std::shared_ptr<CertificateFiles> files_;
  std::string problem_, told_;  // Of the thread.
  RepeatingThread thread_;
};

}  // namespace

std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(
    std::shared_ptr<CertificateFiles> files, absl::Duration look_every) {
  return std::make_shared<FileCredentials>(std::move(files), look_every);
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsFiles& files, absl::Duration look_every) {
  if (files.cert_file.empty() != files.key_file.empty()) {
    return InvalidTls(files.cert_file.empty() ? "tls-cert" : "tls-key",
                      "is missing: certificate and key are given together");
  }
  if (!files.enabled() && !files.client_ca_file.empty()) {
    return InvalidTls("tls-client-ca", "needs TLS: give --tls-cert and --tls-key, too");
  }
  if (!files.enabled()) return grpc::InsecureServerCredentials();
  ASSIGN_OR_RETURN(std::shared_ptr<CertificateFiles> content, CertificateFiles::Open(files));
  return MakeServerCredentials(std::move(content), look_every);
}

}  // namespace quantd
