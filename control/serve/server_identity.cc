#include "control/serve/server_identity.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "grpc/grpc.h"
#include "grpc/grpc_security.h"

namespace weft::control::serve {
namespace {

// After a failed renewal, so that not every handshake tries.
constexpr absl::Duration kRetry = absl::Seconds(5);

// gRPC's C++ API has fixed certificates, or files; its C API asks for a certificate at each handshake.
class RenewingCredentials final : public grpc::ServerCredentials {
 public:
  explicit RenewingCredentials(ServerIdentity& identity) : identity_(identity) {
    credentials_ =
        grpc_ssl_server_credentials_create_with_options(grpc_ssl_server_credentials_create_options_using_config_fetcher(
            GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY, &RenewingCredentials::Fetch, this));
  }
  ~RenewingCredentials() override { grpc_server_credentials_release(credentials_); }

  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  static grpc_ssl_certificate_config_reload_status Fetch(void* self, grpc_ssl_server_certificate_config** config) {
    return static_cast<RenewingCredentials*>(self)->Fetch(config);
  }
  grpc_ssl_certificate_config_reload_status Fetch(grpc_ssl_server_certificate_config** config) {
    const ServerIdentity::Present present = identity_.Get();
    absl::MutexLock lock(&mutex_);
    if (present.serial == given_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    const grpc_ssl_pem_key_cert_pair pair = {present.certificate->key_pem.c_str(),
                                             present.certificate->chain_pem.c_str()};
    *config = grpc_ssl_server_certificate_config_create(present.certificate->roots_pem.c_str(), &pair, 1);
    given_ = present.serial;
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  ServerIdentity& identity_;
  grpc_server_credentials* credentials_ = nullptr;
  absl::Mutex mutex_;
  int64_t given_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: none yet
};

}  // namespace

absl::StatusOr<std::unique_ptr<ServerIdentity>> ServerIdentity::Open(ca::CertificateAuthority& authority,
                                                                     Options options) {
  std::unique_ptr<ServerIdentity> identity(new ServerIdentity(authority, std::move(options)));
  absl::MutexLock lock(&identity->mutex_);
  if (absl::Status made = identity->Renew(identity->options_.now()); !made.ok()) return made;
  return identity;
}

absl::Status ServerIdentity::Renew(absl::Time now) {
  const pki::SpiffeId id{authority_.trust_domain(), "weft-system", "weft-control"};
  absl::StatusOr<ca::ServerCertificate> made = authority_.IssueServer(id, options_.dns_names, options_.lifetime, now);
  if (!made.ok()) return made.status();
  renew_at_ = now + (made->not_after - now) * 2 / 3;
  ++present_.serial;
  present_.certificate = std::make_shared<const ca::ServerCertificate>(*std::move(made));
  return absl::OkStatus();
}

ServerIdentity::Present ServerIdentity::Get() {
  absl::MutexLock lock(&mutex_);
  const absl::Time now = options_.now();
  if (now >= renew_at_ || present_.certificate->roots_pem != authority_.BundlePem()) {
    if (absl::Status renewed = Renew(now); !renewed.ok()) {
      renew_at_ = now + kRetry;
      options_.log(true, absl::StrCat("the control plane's own certificate, which ends at ",
                                      absl::FormatTime(present_.certificate->not_after),
                                      ", cannot be renewed: ", std::string(renewed.message())));
    }
  }
  return present_;
}

std::shared_ptr<grpc::ServerCredentials> ServerIdentity::MakeCredentials() {
  return std::make_shared<RenewingCredentials>(*this);
}

}  // namespace weft::control::serve
