// Why a TLS handshake or connection failed, in words for logs and metrics. A Fault becomes a base::Failure by
// ToFailure, whose detail begins with the word. Plain values; any thread.
#ifndef WEFT_PROXY_TLS_FAULT_H_
#define WEFT_PROXY_TLS_FAULT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/failure.h"

namespace weft::tls {

enum class Side : uint8_t { kServer, kClient };  // which end we are

enum class Fault : uint8_t {
  kNone,
  // The peer's certificate.
  kNoCertificate,  // none came, and one is required
  kExpired,
  kNotYetValid,
  kUntrustedIssuer,    // no chain to a trusted root
  kWrongTrustDomain,   // of another mesh, whether its chain is good or not
  kWrongIdentity,      // a good certificate of somebody else
  kWrongUsage,         // not for this side of TLS
  kRevoked,            // it, or the one that issued it, stands in a revocation list
  kRevocationUnknown,  // no valid revocation list of its issuer, though lists are given
  kBadCertificate,     // does not parse, or breaks a rule of X.509
  // The handshake.
  kRefusedByPeer,    // the peer sent an alert; the text says which
  kNotTls,           // the peer speaks something else
  kNothingInCommon,  // no version, cipher or signature both can
  kNoServerName,     // SNI is required
  kNoProtocol,       // the server chose none of the mesh's ALPN names: what we would send it is not what it expects
  // Our own certificate.
  kStapleExpired,  // ocsp_staple_policy forbids it without a valid OCSP answer
  kSignerLost,     // the process that holds the private key cannot be reached, or went away
  kSignerTimeout,
  kSignerRefused,  // it does not have the key, or does not want to sign
  kTimeout,
  kClosed,     // the peer went away in the middle
  kTruncated,  // the connection ended without close_notify
  kProtocol,   // anything else against the rules of TLS
  kInternal,
};

// The stable snake_case word, for example "wrong_identity".
std::string_view Name(Fault fault);

struct FaultReport {
  Fault fault = Fault::kNone;
  std::string text;  // identities, names, times; never key material

  explicit operator bool() const { return fault != Fault::kNone; }
};

// Server side: kDownstreamCertificate or kDownstreamTls. Client side: kUpstreamTls, never sent, so safe to retry
// elsewhere.
base::Failure ToFailure(Side side, const FaultReport& report);

}  // namespace weft::tls

#endif  // WEFT_PROXY_TLS_FAULT_H_
