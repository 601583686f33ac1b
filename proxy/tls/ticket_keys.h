// The keys that seal session tickets. All workers use the same ones, so that a session resumes on any of them; when the
// configuration gives none they are the process' own and change every hour, kept as long as a ticket may live. The form
// of a ticket is RFC 5077's (AES-256-CBC, HMAC-SHA-256), which Envoy with the same keys understands too.
// INTERNAL to proxy/tls.
#ifndef WEFT_PROXY_TLS_TICKET_KEYS_H_
#define WEFT_PROXY_TLS_TICKET_KEYS_H_

#include <openssl/base.h>
#include <openssl/ssl.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/base/time.h"

namespace weft::tls {

inline constexpr base::Duration kSessionTimeout = std::chrono::hours(2);

// Wiped when it goes: whoever gets to read the memory later must not open the sessions of before.
struct TicketKey {
  static constexpr size_t kSize = 80;  // TlsSessionTicketKeys: name, HMAC key, AES key

  TicketKey() = default;
  TicketKey(const TicketKey&) = default;
  TicketKey& operator=(const TicketKey&) = default;
  ~TicketKey();

  std::array<uint8_t, SSL_TICKET_KEY_NAME_LEN> name;
  std::array<uint8_t, 32> hmac;
  std::array<uint8_t, 32> aes;

  static absl::StatusOr<TicketKey> Parse(std::string_view bytes);
  static TicketKey Random();
};

// The first one seals, all of them open. Immutable once shared.
using TicketKeys = std::vector<TicketKey>;

class TicketKeyring {
 public:
  static constexpr size_t kKept = 4;  // with one an hour a ticket is taken for 3 hours at least

  static TicketKeyring& OfProcess();

  // Main thread. A new key in front; the oldest one goes.
  void Rotate();
  // Any thread. Locks only at a thread's first use and after a rotation. The pointee lives until the thread asks again.
  const TicketKeys& ForThisThread();

 private:
  TicketKeyring() { Rotate(); }

  std::atomic<uint64_t> generation_{0};
  std::mutex mutex_;
  std::shared_ptr<const TicketKeys> keys_;  // guarded by mutex_
};

// For SSL_CTX_set_tlsext_ticket_key_cb: its arguments and its results.
int SealOrOpenTicket(const TicketKeys& keys, uint8_t* name, uint8_t* iv, EVP_CIPHER_CTX* cipher, HMAC_CTX* hmac,
                     bool seal);

}  // namespace weft::tls

#endif  // WEFT_PROXY_TLS_TICKET_KEYS_H_
