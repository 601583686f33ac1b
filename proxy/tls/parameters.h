// The part of a context that both sides share: versions, ciphers, curves, certificates, verification. INTERNAL to
// proxy/tls.
#ifndef WEFT_PROXY_TLS_PARAMETERS_H_
#define WEFT_PROXY_TLS_PARAMETERS_H_

#include <openssl/base.h>
#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/config/tls_spec.h"
#include "proxy/tls/chain_cache.h"
#include "proxy/tls/verifier.h"

namespace weft::tls {

// A new SSL_CTX without X.509 objects of its own (chains are CRYPTO_BUFFERs from one pool, so that the issuing
// certificate that a thousand connections share is kept once).
absl::StatusOr<bssl::UniquePtr<SSL_CTX>> NewContext(const config::TlsParametersSpec& parameters);

struct LoadedCertificate {
  bssl::UniquePtr<SSL_CREDENTIAL> credential;  // without an OCSP answer
  bssl::UniquePtr<SSL_CREDENTIAL> stapled;     // with it; null: there is none
  Validity staple_validity;
  bool is_rsa = false;
  bool must_staple = false;  // says the certificate itself
  std::string sha256;        // of the leaf, raw
  std::string uri;
  std::vector<std::string> dns_names;
  int64_t not_after_unix = 0;
};

// `index` is for the error text.
absl::StatusOr<LoadedCertificate> LoadCertificate(const config::CertificateSpec& spec, size_t index);

// The wire form: each name with its length before it (RFC 7301, 3.1).
absl::StatusOr<std::string> AlpnWireForm(const std::vector<std::string>& names);

// Null when the spec asks for no check.
absl::StatusOr<std::unique_ptr<const ChainVerifier>> CompileVerifier(const config::CommonTlsSpec& spec, Side peer);

}  // namespace weft::tls

#endif  // WEFT_PROXY_TLS_PARAMETERS_H_
