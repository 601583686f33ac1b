#include "proxy/tls/chain_cache.h"

#include <openssl/sha.h>

namespace weft::tls {

ChainKey ChainKey::Of(uint64_t verifier, const STACK_OF(CRYPTO_BUFFER) * chain) {
  ChainKey key;
  key.verifier = verifier;
  SHA256_CTX hash;
  SHA256_Init(&hash);
  for (size_t i = 0; i < sk_CRYPTO_BUFFER_num(chain); ++i) {
    const CRYPTO_BUFFER* der = sk_CRYPTO_BUFFER_value(chain, i);
    const uint64_t size = CRYPTO_BUFFER_len(der);
    SHA256_Update(&hash, &size, sizeof size);
    SHA256_Update(&hash, CRYPTO_BUFFER_data(der), size);
  }
  SHA256_Final(key.sha256.data(), &hash);
  return key;
}

ChainCache& ChainCache::ForThisThread() {
  static thread_local ChainCache cache;
  return cache;
}

const ChainCache::Known* ChainCache::Find(const ChainKey& key, int64_t now_unix) {
  const auto found = chains_.find(key);
  if (found == chains_.end()) return nullptr;
  Entry& entry = found->second;
  if (!entry.validity.Contains(now_unix)) {
    chains_.erase(found);
    return nullptr;
  }
  entry.used = ++uses_;
  return &entry;
}

void ChainCache::Put(const ChainKey& key, const PeerIdentity& peer, const Validity& validity) {
  if (chains_.size() >= kMaxChains && !chains_.contains(key)) {
    auto victim = chains_.begin();
    for (auto it = chains_.begin(); it != chains_.end(); ++it) {
      if (it->second.used < victim->second.used) victim = it;
    }
    chains_.erase(victim);
  }
  Entry& entry = chains_[key];
  entry.peer = std::make_unique<const PeerIdentity>(peer);
  entry.validity = validity;
  entry.used = ++uses_;
}

}  // namespace weft::tls
