// Answers IstioCertificateService/CreateCertificate: who is the caller, may it have a certificate, which
// one. The gRPC adapter (control/serve) only copies fields in and out and maps the status.
// Thread-safe; no gRPC and no TLS library type here.
#ifndef WEFT_CONTROL_CA_ENROLLMENT_H_
#define WEFT_CONTROL_CA_ENROLLMENT_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/ca/authority.h"
#include "control/ca/tokens.h"

namespace weft::control::ca {

struct EnrollmentRequest {
  std::string csr_pem;            // IstioCertificateRequest.csr
  absl::Duration ttl;             // .validity_duration, seconds; 0: the default
  std::string bearer;             // what stands after "Bearer " in `authorization`; empty: none
  std::string peer_identity_uri;  // the URI SAN of the verified client certificate; empty: none
};

struct EnrollmentAnswer {
  SignedCertificate certificate;
  pki::SpiffeId identity;
  bool renewal = false;  // authenticated by certificate
};

class Enrollment {
 public:
  // Both outlive this.
  Enrollment(const CertificateAuthority& authority, JoinTokens& tokens);

  // A verified certificate wins over a token: the caller gets the identity that it already has. Neither:
  // Unauthenticated. The request is checked before a use of the token is taken, and the use is taken before
  // anything is signed.
  absl::StatusOr<EnrollmentAnswer> Create(const EnrollmentRequest& request, absl::Time now);

 private:
  const CertificateAuthority& authority_;
  JoinTokens& tokens_;
};

}  // namespace weft::control::ca

#endif  // WEFT_CONTROL_CA_ENROLLMENT_H_
