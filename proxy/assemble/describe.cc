#include "proxy/assemble/describe.h"

#include <cstdint>

#include "pki/certificate.h"

namespace weft::assemble {

std::optional<CertificateFact> FactOf(const std::string& name, const std::string& pem) {
  auto certificates = pki::ReadCertificates(pem);
  if (!certificates.ok() || certificates->empty()) return std::nullopt;
  CertificateFact fact;
  fact.name = name;
  fact.not_after_unix = INT64_MAX;
  if (!certificates->front().uri_sans.empty()) fact.uri = certificates->front().uri_sans.front();
  for (const pki::CertificateFacts& certificate : *certificates) {
    fact.not_after_unix = std::min(fact.not_after_unix, absl::ToUnixSeconds(certificate.not_after));
  }
  return fact;
}

}  // namespace weft::assemble
