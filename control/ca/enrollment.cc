#include "control/ca/enrollment.h"

#include "absl/strings/str_cat.h"

namespace weft::control::ca {

Enrollment::Enrollment(const CertificateAuthority& authority, JoinTokens& tokens)
    : authority_(authority), tokens_(tokens) {}

absl::StatusOr<EnrollmentAnswer> Enrollment::Create(const EnrollmentRequest& request, absl::Time now) {
  auto key_sha256 = RequestKeySha256(request.csr_pem);
  if (!key_sha256.ok()) return key_sha256.status();
  EnrollmentAnswer answer;
  if (!request.peer_identity_uri.empty()) {
    auto id = pki::ParseSpiffeId(request.peer_identity_uri);
    if (!id.ok()) return absl::UnauthenticatedError(id.status().message());
    answer.identity = *std::move(id);
    answer.renewal = true;
  } else if (!request.bearer.empty()) {
    auto id = tokens_.Redeem(request.bearer, *key_sha256, now);
    if (!id.ok()) return id.status();
    answer.identity = *std::move(id);
  } else {
    return absl::UnauthenticatedError(
        "neither a client certificate nor a join token came with the certificate request");
  }
  auto certificate = authority_.Sign(request.csr_pem, answer.identity, request.ttl, now);
  if (!certificate.ok()) return certificate.status();
  answer.certificate = *std::move(certificate);
  return answer;
}

}  // namespace weft::control::ca
