#include "proxy/tls/ticket_keys.h"

#include <openssl/cipher.h>
#include <openssl/digest.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/rand.h>

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weft::tls {

TicketKey::~TicketKey() {
  OPENSSL_cleanse(hmac.data(), hmac.size());
  OPENSSL_cleanse(aes.data(), aes.size());
}

absl::StatusOr<TicketKey> TicketKey::Parse(std::string_view bytes) {
  if (bytes.size() != kSize) {
    return absl::InvalidArgumentError(absl::StrCat("a key has ", kSize, " bytes, this one has ", bytes.size()));
  }
  TicketKey key;
  std::memcpy(key.name.data(), bytes.data(), key.name.size());
  std::memcpy(key.hmac.data(), bytes.data() + key.name.size(), key.hmac.size());
  std::memcpy(key.aes.data(), bytes.data() + key.name.size() + key.hmac.size(), key.aes.size());
  return key;
}

TicketKey TicketKey::Random() {
  TicketKey key;
  RAND_bytes(key.name.data(), key.name.size());
  RAND_bytes(key.hmac.data(), key.hmac.size());
  RAND_bytes(key.aes.data(), key.aes.size());
  return key;
}

TicketKeyring& TicketKeyring::OfProcess() {
  static TicketKeyring* const ring = new TicketKeyring;  // workers may still use it when the process ends
  return *ring;
}

void TicketKeyring::Rotate() {
  auto next = std::make_shared<TicketKeys>();
  next->push_back(TicketKey::Random());
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; keys_ != nullptr && i < keys_->size() && next->size() < kKept; ++i) next->push_back((*keys_)[i]);
  keys_ = std::move(next);
  generation_.fetch_add(1, std::memory_order_release);
}

const TicketKeys& TicketKeyring::ForThisThread() {
  struct Seen {
    uint64_t generation = 0;  // the first one is 1
    std::shared_ptr<const TicketKeys> keys;
  };
  static thread_local Seen seen;
  if (seen.generation != generation_.load(std::memory_order_acquire)) {
    const std::lock_guard lock(mutex_);
    seen.keys = keys_;
    seen.generation = generation_.load(std::memory_order_relaxed);
  }
  return *seen.keys;
}

int SealOrOpenTicket(const TicketKeys& keys, uint8_t* name, uint8_t* iv, EVP_CIPHER_CTX* cipher, HMAC_CTX* hmac,
                     bool seal) {
  constexpr int kError = -1, kUnknownKey = 0, kDone = 1, kRenew = 2;
  const EVP_CIPHER* aes = EVP_aes_256_cbc();
  const EVP_MD* sha256 = EVP_sha256();
  if (seal) {
    const TicketKey& key = keys.front();
    std::memcpy(name, key.name.data(), key.name.size());
    RAND_bytes(iv, EVP_CIPHER_iv_length(aes));
    const bool done = EVP_EncryptInit_ex(cipher, aes, nullptr, key.aes.data(), iv) &&
                      HMAC_Init_ex(hmac, key.hmac.data(), key.hmac.size(), sha256, nullptr);
    return done ? kDone : kError;
  }
  for (const TicketKey& key : keys) {
    if (CRYPTO_memcmp(name, key.name.data(), key.name.size()) != 0) continue;
    const bool done = HMAC_Init_ex(hmac, key.hmac.data(), key.hmac.size(), sha256, nullptr) &&
                      EVP_DecryptInit_ex(cipher, aes, nullptr, key.aes.data(), iv);
    return !done ? kError : &key == &keys.front() ? kDone : kRenew;
  }
  return kUnknownKey;
}

}  // namespace weft::tls
