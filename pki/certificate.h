// What people and programs want to know of a certificate, without a type of the TLS library, so that code
// that talks gRPC (and thereby another TLS library) can include it. Pure functions, any thread.
#ifndef WEFT_PKI_CERTIFICATE_H_
#define WEFT_PKI_CERTIFICATE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace weft::pki {

struct CertificateFacts {
  std::string subject;  // one line, RFC 2253; empty for workload certificates
  std::string issuer;
  std::string serial;  // lower case hex
  std::vector<std::string> uri_sans;
  std::vector<std::string> dns_sans;
  absl::Time not_before;
  absl::Time not_after;
  bool is_ca = false;
  bool self_issued = false;  // subject equals issuer
  std::string spki_sha256;   // 32 raw bytes
};

// Every CERTIFICATE block of `pem` in its order. No block, or one that does not parse: InvalidArgument
// that says which.
absl::StatusOr<std::vector<CertificateFacts>> ReadCertificates(std::string_view pem);

// The CERTIFICATE blocks of `pem` one by one, written anew (no comments between them).
absl::StatusOr<std::vector<std::string>> SplitCertificates(std::string_view pem);

// InvalidArgument unless `key_pem` is the private key of the first certificate of `chain_pem`.
absl::Status CheckKeyMatches(std::string_view chain_pem, std::string_view key_pem);

// InvalidArgument that says why, unless good signatures lead from the first certificate of `chain_pem` over the others
// to one of `roots_pem`. Dates are held against `at`; nullopt: not at all.
absl::Status CheckChain(std::string_view chain_pem, std::string_view roots_pem, std::optional<absl::Time> at);

}  // namespace weft::pki

#endif  // WEFT_PKI_CERTIFICATE_H_
