// The identity of this proxy at one moment: its key, its certificate and the roots it trusts. Immutable plain value.
#ifndef WEFT_PROXY_IDENTITY_MATERIAL_H_
#define WEFT_PROXY_IDENTITY_MATERIAL_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proxy/config/tls_spec.h"

namespace weft::identity {

struct Material {
  std::string uri;  // spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT
  std::string key_pem;
  std::string chain_pem;  // leaf first, no root
  std::string roots_pem;
  std::string serial;                // of the leaf, lower case hex
  absl::Time not_before, not_after;  // of the leaf
  absl::Time received;               // by our clock

  // The reserved secrets `default` and `ROOTCA`.
  config::CertificateSpec Certificate() const;
  config::ValidationSpec Roots() const;
};

// Sorts what a control plane answered (leaf, intermediates, roots) and checks it: the key is ours, the leaf has exactly
// one URI and it is a SPIFFE ID, it leads to a root. Dates are not looked at: clocks differ, and the peers decide.
absl::StatusOr<Material> MakeMaterial(std::string key_pem, const std::vector<std::string>& certificates_pem,
                                      absl::Time received);

// True when `roots_pem` holds a certificate whose public key has this SHA-256.
bool HasRoot(std::string_view roots_pem, std::string_view root_sha256);

}  // namespace weft::identity

#endif  // WEFT_PROXY_IDENTITY_MATERIAL_H_
