#include "pki/certificate.h"

#include <utility>

#include "pki/x509.h"

namespace weft::pki {

absl::StatusOr<std::vector<CertificateFacts>> ReadCertificates(std::string_view pem) {
  auto certificates = ParseCertificates(pem);
  if (!certificates.ok()) return certificates.status();
  std::vector<CertificateFacts> facts;
  for (const auto& certificate : *certificates) facts.push_back(Facts(certificate.get()));
  return facts;
}

absl::StatusOr<std::vector<std::string>> SplitCertificates(std::string_view pem) {
  auto certificates = ParseCertificates(pem);
  if (!certificates.ok()) return certificates.status();
  std::vector<std::string> blocks;
  for (const auto& certificate : *certificates) {
    auto block = CertificatePem(certificate.get());
    if (!block.ok()) return block.status();
    blocks.push_back(*std::move(block));
  }
  return blocks;
}

absl::Status CheckKeyMatches(std::string_view chain_pem, std::string_view key_pem) {
  auto chain = ParseCertificates(chain_pem);
  if (!chain.ok()) return chain.status();
  auto key = ParsePrivateKey(key_pem);
  if (!key.ok()) return key.status();
  if (!X509_check_private_key(chain->front().get(), key->get())) {
    (void)TakeSslError();
    return absl::InvalidArgumentError("the private key is not that of the certificate");
  }
  return absl::OkStatus();
}

}  // namespace weft::pki
