// BoringSSL's X.509 with owners and absl::Status. INTERNAL to code that uses BoringSSL: never include this
// beside gRPC's headers; certificate.h and key.h are for those. Any thread.
#ifndef WEFT_PKI_X509_H_
#define WEFT_PKI_X509_H_

#include <openssl/base.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pki/certificate.h"

#ifndef OPENSSL_IS_BORINGSSL
#error "this must be built against BoringSSL's headers"
#endif

namespace weft::pki {

// The text of the thread's oldest BoringSSL error, and clears the queue.
std::string TakeSslError();

// InvalidArgument "WHAT: the library's words".
absl::Status SslError(const std::string& what);

// All CERTIFICATE blocks in order; other kinds of blocks are skipped. No block is InvalidArgument.
absl::StatusOr<std::vector<bssl::UniquePtr<X509>>> ParseCertificates(std::string_view pem);

// The first private key block: PKCS#8, or the traditional EC and RSA forms. An encrypted key is refused
// (there is nobody to ask for the password).
absl::StatusOr<bssl::UniquePtr<EVP_PKEY>> ParsePrivateKey(std::string_view pem);

absl::StatusOr<bssl::UniquePtr<EVP_PKEY>> NewP256Key();

absl::StatusOr<std::string> PrivateKeyPem(EVP_PKEY* key);  // PKCS#8
absl::StatusOr<std::string> CertificatePem(X509* certificate);

CertificateFacts Facts(X509* certificate);

// Of the DER SubjectPublicKeyInfo, 32 raw bytes.
std::string SpkiSha256(EVP_PKEY* key);

// P-256, P-384, or RSA of 2048 to 4096 bits; else InvalidArgument that says what it is.
absl::Status CheckPublicKey(EVP_PKEY* key);

absl::Time ToTime(const ASN1_TIME* time);

}  // namespace weft::pki

#endif  // WEFT_PKI_X509_H_
