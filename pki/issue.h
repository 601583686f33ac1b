// Builds and signs one X.509 v3 certificate. What may be signed for whom is decided in control/ca. BoringSSL's types:
// never beside gRPC's headers. Pure, any thread.
#ifndef WEFT_PKI_ISSUE_H_
#define WEFT_PKI_ISSUE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pki/x509.h"

namespace weft::pki {

struct CertificateShape {
  std::string common_name;  // empty: an empty subject, and the names below are marked critical
  std::vector<std::string> uri_sans;
  std::vector<std::string> dns_sans;
  absl::Time not_before;
  absl::Time not_after;
  std::optional<int> ca_path_length;  // set: a CA certificate with this many CAs allowed below it
  bool for_tls = false;               // extended key usage: server and client authentication
};

// `issuer` null: self-signed. Serial numbers are 127 random bits (RFC 5280, 4.1.2.2). The key identifier is
// the first 20 bytes of the key's SHA-256 (RFC 7093).
absl::StatusOr<bssl::UniquePtr<X509>> Issue(const CertificateShape& shape, EVP_PKEY* subject_key, X509* issuer,
                                            EVP_PKEY* issuer_key);

}  // namespace weft::pki

#endif  // WEFT_PKI_ISSUE_H_
