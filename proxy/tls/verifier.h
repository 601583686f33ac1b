// Decides whether a peer's certificate chain is good: a chain to a trusted root, dates, usage, and one of the wanted
// names. INTERNAL to proxy/tls: BoringSSL's types. Immutable after Compile; used by every worker at once without a
// lock.
#ifndef WEFT_PROXY_TLS_VERIFIER_H_
#define WEFT_PROXY_TLS_VERIFIER_H_

#include <openssl/base.h>
#include <openssl/pool.h>
#include <openssl/stack.h>
#include <openssl/x509.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/config/tls_spec.h"
#include "proxy/tls/chain_cache.h"
#include "proxy/tls/fault.h"
#include "proxy/tls/peer.h"
#include "proxy/tls/peer_names.h"

namespace re2 {
class RE2;
}  // namespace re2

namespace weft::tls {

struct Verdict {
  FaultReport fault;
  std::unique_ptr<PeerIdentity> peer;  // null only when the certificate does not parse
  int64_t good_until = INT64_MAX;      // the end of the first certificate of the chain, or revocation list, to end
};

class ChainVerifier {
 public:
  // `peer` is the side that the peer is on. Errors name the field.
  static absl::StatusOr<std::unique_ptr<const ChainVerifier>> Compile(const config::ValidationSpec& spec, Side peer);
  ~ChainVerifier();

  // `chain` is not empty, leaf first. `now_unix` in seconds. A chain that this thread found good before costs a hash.
  Verdict Verify(const STACK_OF(CRYPTO_BUFFER) * chain, int64_t now_unix) const;

  // The wanted names for people: "URI spiffe://… or …"; "" when any will do.
  std::string Wanted() const;

  // Whether the certificate that vouched for a peer (PeerIdentity::root) is trusted here, too. Always true of 0, and
  // where nothing has to lead to a root.
  bool TrustsRoot(uint64_t root) const;

  // DER subject names of the trusted roots, for the server's certificate_authorities hint.
  const std::vector<bssl::UniquePtr<CRYPTO_BUFFER>>& root_names() const { return root_names_; }

 private:
  struct SanMatch {
    config::SanMatchSpec spec;
    std::unique_ptr<re2::RE2> regex;
  };

  ChainVerifier() = default;
  Verdict VerifyAnew(const STACK_OF(CRYPTO_BUFFER) * chain, int64_t now_unix, Validity* validity) const;
  FaultReport CheckChain(X509* leaf, STACK_OF(X509) * others, PeerIdentity* peer, int64_t now_unix,
                         Validity* validity) const;
  FaultReport ChainFault(X509_STORE_CTX* context, const PeerIdentity& peer, int64_t now_unix) const;
  FaultReport CheckNames(const PeerNames& names, const PeerIdentity& peer) const;
  FaultReport CheckPins(X509* leaf, const PeerIdentity& peer) const;
  bool IsOfForeignTrustDomain(const PeerIdentity& peer) const;
  static bool Matches(const SanMatch& match, const PeerNames& names);

  Side peer_ = Side::kClient;
  bool accept_untrusted_ = false;
  std::optional<uint32_t> max_depth_;
  uint64_t number_ = 0;  // tells verifiers apart in the cache of chains
  bssl::UniquePtr<STACK_OF(X509)> roots_;
  std::vector<uint64_t> root_ids_;
  bssl::UniquePtr<X509_STORE> no_store_;             // X509_STORE_CTX wants one; it is empty
  bssl::UniquePtr<STACK_OF(X509_CRL)> revocations_;  // null: nothing is asked
  bool only_leaf_revocation_ = false;
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> root_names_;
  std::vector<SanMatch> sans_;
  std::vector<std::string> spki_pins_;         // raw
  std::vector<std::string> certificate_pins_;  // hex
};

}  // namespace weft::tls

#endif  // WEFT_PROXY_TLS_VERIFIER_H_
