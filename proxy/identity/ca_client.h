// What identity/ asks of a control plane: its root certificate at the first contact, and signatures. GrpcCaClient is
// the real one; tests have one without a network. Main thread; destroying a task cancels the call.
#ifndef WEFT_PROXY_IDENTITY_CA_CLIENT_H_
#define WEFT_PROXY_IDENTITY_CA_CLIENT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proxy/runtime/task.h"

namespace weft::identity {

struct SigningRequest {
  std::string csr_pem;
  absl::Duration lifetime;     // zero: the control plane's default
  std::string roots_pem;       // what the control plane's own certificate is checked against; never empty
  std::string join_token;      // either this …
  std::string client_key_pem;  // … or the certificate that we have
  std::string client_chain_pem;
};

class CaClient {
 public:
  virtual ~CaClient() = default;

  // The root whose public key has this SHA-256 (32 raw bytes), as PEM, after a handshake in which the control plane
  // proved to hold a certificate under it. PermissionDenied: somebody else answered. Unavailable: nobody did.
  virtual runtime::Task<absl::StatusOr<std::string>> FetchRoot(std::string root_sha256) = 0;

  // The answer's certificates as they came, leaf first. Unauthenticated carries the control plane's words.
  virtual runtime::Task<absl::StatusOr<std::vector<std::string>>> Sign(SigningRequest request) = 0;

  // For messages: "weft-control.weft-system.svc:15012".
  virtual const std::string& address() const = 0;
};

}  // namespace weft::identity

#endif  // WEFT_PROXY_IDENTITY_CA_CLIENT_H_
