// Chains that were found good, one cache per thread (so no lock): a peer that comes again with the same chain is known
// by the hash of it, without reading X.509 and without checking a signature. The key holds the number of the verifier,
// so that a new bundle, a new revocation list or other wanted names begin afresh; an entry is believed only while every
// certificate of its chain and every revocation list is valid. Bounded; the one not used for longest goes first.
// INTERNAL to proxy/tls.
#ifndef WEFT_PROXY_TLS_CHAIN_CACHE_H_
#define WEFT_PROXY_TLS_CHAIN_CACHE_H_

#include <openssl/base.h>
#include <openssl/pool.h>
#include <openssl/stack.h>

#include <array>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "proxy/tls/peer.h"

namespace weft::tls {

// When something is good, both ends included, in Unix seconds.
struct Validity {
  int64_t from = INT64_MIN;
  int64_t until = INT64_MAX;

  bool Contains(int64_t now) const { return from <= now && now <= until; }
  void Narrow(int64_t begin, int64_t end) {
    if (begin > from) from = begin;
    if (end < until) until = end;
  }
};

struct ChainKey {
  uint64_t verifier = 0;
  std::array<uint8_t, 32> sha256{};  // of the certificates, each with its length before it

  static ChainKey Of(uint64_t verifier, const STACK_OF(CRYPTO_BUFFER) * chain);

  friend bool operator==(const ChainKey& a, const ChainKey& b) = default;
  template <class H>
  friend H AbslHashValue(H state, const ChainKey& key) {
    return H::combine(std::move(state), key.verifier, key.sha256);
  }
};

class ChainCache {
 public:
  static constexpr size_t kMaxChains = 256;

  static ChainCache& ForThisThread();

  struct Known {
    std::unique_ptr<const PeerIdentity> peer;
    Validity validity;
  };
  // Null: not known, or not good now. The pointee is the cache's, good until the next call.
  const Known* Find(const ChainKey& key, int64_t now_unix);
  void Put(const ChainKey& key, const PeerIdentity& peer, const Validity& validity);
  size_t size() const { return chains_.size(); }

 private:
  struct Entry : Known {
    uint64_t used = 0;
  };
  absl::flat_hash_map<ChainKey, Entry> chains_;
  uint64_t uses_ = 0;
};

}  // namespace weft::tls

#endif  // WEFT_PROXY_TLS_CHAIN_CACHE_H_
