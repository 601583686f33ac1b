// Making keys and signing requests, without a type of the TLS library. Any thread.
#ifndef WEFT_PKI_KEY_H_
#define WEFT_PKI_KEY_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace weft::pki {

// A new P-256 key as PKCS#8 PEM.
absl::StatusOr<std::string> NewKeyPem();

// A PKCS#10 request for the key, signed by it. `uri_san` (may be empty) is only a wish: our own CA takes
// the identity from how the caller authenticated, a foreign CA may read it.
absl::StatusOr<std::string> MakeCsrPem(std::string_view key_pem, std::string_view uri_san);

}  // namespace weft::pki

#endif  // WEFT_PKI_KEY_H_
