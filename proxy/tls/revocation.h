// Certificate revocation lists as a verifier needs them. INTERNAL to proxy/tls: BoringSSL's types.
#ifndef WEFT_PROXY_TLS_REVOCATION_H_
#define WEFT_PROXY_TLS_REVOCATION_H_

#include <openssl/base.h>
#include <openssl/stack.h>
#include <openssl/x509.h>

#include <string_view>

#include "absl/status/statusor.h"
#include "proxy/tls/chain_cache.h"

namespace weft::tls {

// All X509 CRL blocks in order; other kinds of blocks are skipped. No block is InvalidArgument.
absl::StatusOr<bssl::UniquePtr<STACK_OF(X509_CRL)>> ParseRevocationLists(std::string_view pem);

// When all of them are valid (RFC 5280, 5.1.2: thisUpdate to nextUpdate, when there is one).
Validity ValidityOf(const STACK_OF(X509_CRL) * lists);

}  // namespace weft::tls

#endif  // WEFT_PROXY_TLS_REVOCATION_H_
