// A private key that another process holds: handshakes send what has to be signed over a unix socket and wait for the
// signature without holding up the worker (docs/signer.md has the protocol). One connection per signature: a signer
// that dies takes down the handshakes that wait for it and no other. INTERNAL to proxy/tls.
#ifndef WEFT_PROXY_TLS_SIGNER_H_
#define WEFT_PROXY_TLS_SIGNER_H_

#include <openssl/base.h>
#include <openssl/ssl.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "proxy/base/address.h"
#include "proxy/config/tls_spec.h"
#include "proxy/runtime/reactor.h"
#include "proxy/runtime/task.h"
#include "proxy/tls/fault.h"

namespace weft::tls {

// Who signs for a credential. Immutable.
struct Signer {
  base::Address socket;
  base::Duration timeout;
  std::string key_id;  // SHA-256 of the SubjectPublicKeyInfo, 32 bytes
};

// One signature that a handshake waits for. The handshake's thread only.
struct Signature {
  const Signer* signer = nullptr;  // the credential's, which the SSL holds
  uint16_t algorithm = 0;          // SignatureScheme (RFC 8446, 4.2.3)
  std::string message;             // then, when `done`, the signature
  bool done = false;
  FaultReport fault;  // set: there will be none
};

// Makes `credential`, whose chain is set, sign by the process at `spec`. `key` is the public one.
absl::Status SignElsewhere(SSL_CREDENTIAL* credential, EVP_PKEY* key, const config::SignerSpec& spec);

// Asks for the signature; ends in `done` or `fault`.
runtime::Task<void> Ask(runtime::Reactor& reactor, Signature& signature);

}  // namespace weft::tls

#endif  // WEFT_PROXY_TLS_SIGNER_H_
