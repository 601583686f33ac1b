// What callbacks of the TLS library need to know of a handshake that goes on. Lives in the frame of TlsStream::Run,
// from before the first step to after the last one. INTERNAL to proxy/tls; one thread.
#ifndef WEFT_PROXY_TLS_HANDSHAKE_STATE_H_
#define WEFT_PROXY_TLS_HANDSHAKE_STATE_H_

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>

#include "proxy/tls/fault.h"
#include "proxy/tls/signer.h"

namespace weft::tls {

struct HandshakeState {
  int64_t now_unix = 0;  // when it began
  FaultReport fault;     // why a callback ended it
  std::unique_ptr<Signature> signature;

  // Null when no handshake of ours goes on.
  static HandshakeState* Of(const SSL* ssl) { return static_cast<HandshakeState*>(SSL_get_ex_data(ssl, Index())); }

  class Attachment {
   public:
    Attachment(SSL* ssl, HandshakeState* state) : ssl_(ssl) { SSL_set_ex_data(ssl, Index(), state); }
    ~Attachment() { SSL_set_ex_data(ssl_, Index(), nullptr); }
    Attachment(const Attachment&) = delete;
    Attachment& operator=(const Attachment&) = delete;

   private:
    SSL* ssl_;
  };

 private:
  static int Index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
  }
};

}  // namespace weft::tls

#endif  // WEFT_PROXY_TLS_HANDSHAKE_STATE_H_
