// Sessions for resuming, one cache per thread (so no lock), by client context and endpoint. A session is used once:
// TLS 1.3 tickets should be (RFC 8446, C.4), and the server sends a new one each time. Bounded; a session of a context
// that is gone is the first to go. INTERNAL to proxy/tls.
#ifndef WEFT_PROXY_TLS_SESSION_CACHE_H_
#define WEFT_PROXY_TLS_SESSION_CACHE_H_

#include <openssl/base.h>
#include <openssl/ssl.h>

#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace weft::tls {

struct SessionKey {
  uint64_t context = 0;   // ClientContext::number_; 0: do not keep sessions
  uint64_t endpoint = 0;  // hash of the endpoint's address and SNI

  friend bool operator==(const SessionKey& a, const SessionKey& b) {
    return a.context == b.context && a.endpoint == b.endpoint;
  }
  template <class H>
  friend H AbslHashValue(H state, const SessionKey& key) {
    return H::combine(std::move(state), key.context, key.endpoint);
  }
};

class SessionCache {
 public:
  static constexpr size_t kMaxSessions = 128;

  static SessionCache& ForThisThread();

  bssl::UniquePtr<SSL_SESSION> Take(const SessionKey& key);
  void Put(const SessionKey& key, bssl::UniquePtr<SSL_SESSION> session);
  size_t size() const { return sessions_.size(); }

  // Where the connection keeps its key: null key, no session. The pointee lives as long as the SSL.
  static void Attach(SSL* ssl, const SessionKey* key);
  // For SSL_CTX_sess_set_new_cb.
  static int OnNewSession(SSL* ssl, SSL_SESSION* session);

 private:
  absl::flat_hash_map<SessionKey, bssl::UniquePtr<SSL_SESSION>> sessions_;
};

}  // namespace weft::tls

#endif  // WEFT_PROXY_TLS_SESSION_CACHE_H_
