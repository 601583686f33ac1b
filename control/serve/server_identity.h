// ServerIdentity: the control plane's own certificate for its TLS port. It is renewed when a handshake finds a third of
// its lifetime left, or the roots changed: no timer, no file. Thread-safe; `authority` outlives it.
#ifndef WEFT_CONTROL_SERVE_SERVER_IDENTITY_H_
#define WEFT_CONTROL_SERVE_SERVER_IDENTITY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "control/ca/authority.h"
#include "grpcpp/security/server_credentials.h"

namespace weft::control::serve {

class ServerIdentity {
 public:
  struct Options {
    std::vector<std::string> dns_names;  // what clients may call the control plane
    absl::Duration lifetime = absl::Hours(24);
    std::function<absl::Time()> now;
    std::function<void(bool is_problem, const std::string& text)> log;
  };
  // The first certificate is made here, so that a broken authority shows at the start.
  static absl::StatusOr<std::unique_ptr<ServerIdentity>> Open(ca::CertificateAuthority& authority, Options options);

  struct Present {
    int64_t serial = 0;  // counts renewals
    std::shared_ptr<const ca::ServerCertificate> certificate;
  };
  // Renews when it is time. When that fails, the present one stays and the reason is logged.
  Present Get();

  // TLS server credentials for one port (not to be shared by several), which ask for a client certificate, verify it if
  // there is one, and take the present certificate at each handshake. This outlives them.
  std::shared_ptr<grpc::ServerCredentials> MakeCredentials();

 private:
  ServerIdentity(ca::CertificateAuthority& authority, Options options)
      : authority_(authority), options_(std::move(options)) {}
  absl::Status Renew(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  ca::CertificateAuthority& authority_;
  const Options options_;
  absl::Mutex mutex_;
  Present present_ ABSL_GUARDED_BY(mutex_);
  absl::Time renew_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace weft::control::serve

#endif  // WEFT_CONTROL_SERVE_SERVER_IDENTITY_H_
