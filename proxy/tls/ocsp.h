// The facts of an OCSP answer that a server staples (RFC 6960): for which certificate, good or not, how long. The
// signature is the client's to check. INTERNAL to proxy/tls.
#ifndef WEFT_PROXY_TLS_OCSP_H_
#define WEFT_PROXY_TLS_OCSP_H_

#include <openssl/base.h>
#include <openssl/x509.h>

#include <string_view>

#include "absl/status/statusor.h"
#include "proxy/tls/chain_cache.h"

namespace weft::tls {

// `der` is a successful OCSPResponse with one good answer about `leaf`; its dates, thisUpdate to nextUpdate.
// InvalidArgument says what it is instead.
absl::StatusOr<Validity> CheckOcspAnswer(std::string_view der, X509* leaf);

// Whether the certificate wants to be shown only together with an answer (RFC 7633, status_request).
bool MustStaple(const X509* leaf);

}  // namespace weft::tls

#endif  // WEFT_PROXY_TLS_OCSP_H_
