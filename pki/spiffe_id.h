// A workload's name, spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT (SPIFFE-ID 1.0, section 2,
// with the path that Istio and Weft use). Immutable value, any thread.
#ifndef WEFT_PKI_SPIFFE_ID_H_
#define WEFT_PKI_SPIFFE_ID_H_

#include <string>
#include <string_view>
#include <tuple>

#include "absl/status/statusor.h"

namespace weft::pki {

struct SpiffeId {
  std::string trust_domain;
  std::string ns;
  std::string service_account;

  std::string ToString() const;   // spiffe://TD/ns/NS/sa/SA
  std::string ShortName() const;  // NS/SA, as `weft token create --identity` takes it

  friend bool operator==(const SpiffeId& a, const SpiffeId& b) {
    return std::tie(a.trust_domain, a.ns, a.service_account) == std::tie(b.trust_domain, b.ns, b.service_account);
  }
};

// Whole URI. Anything but the four-segment form above, an empty or dotted segment, an upper-case trust
// domain, a query or a fragment is InvalidArgument that quotes the text.
absl::StatusOr<SpiffeId> ParseSpiffeId(std::string_view uri);

// "NS/SA" within `trust_domain`.
absl::StatusOr<SpiffeId> ParseShortIdentity(std::string_view trust_domain, std::string_view text);

// SPIFFE-ID 2.1: lower case letters, digits, '.', '-', '_', at most 255 bytes.
absl::Status CheckTrustDomain(std::string_view trust_domain);

}  // namespace weft::pki

#endif  // WEFT_PKI_SPIFFE_ID_H_
