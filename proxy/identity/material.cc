#include "proxy/identity/material.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pki/certificate.h"
#include "pki/spiffe_id.h"

namespace weft::identity {

config::CertificateSpec Material::Certificate() const {
  config::CertificateSpec spec;
  spec.chain_pem = chain_pem;
  spec.key_pem = key_pem;
  return spec;
}

config::ValidationSpec Material::Roots() const {
  config::ValidationSpec spec;
  spec.trusted_ca_pem = roots_pem;
  return spec;
}

absl::StatusOr<Material> MakeMaterial(std::string key_pem, const std::vector<std::string>& certificates_pem,
                                      absl::Time received) {
  Material material;
  material.key_pem = std::move(key_pem);
  material.received = received;
  for (const std::string& text : certificates_pem) {
    auto blocks = pki::SplitCertificates(text);
    if (!blocks.ok()) return blocks.status();
    for (const std::string& block : *blocks) {
      auto facts = pki::ReadCertificates(block);
      if (!facts.ok()) return facts.status();
      const pki::CertificateFacts& one = facts->front();
      if (material.chain_pem.empty()) {
        if (one.uri_sans.size() != 1) {
          return absl::InvalidArgumentError(
              absl::StrCat("the certificate has ", one.uri_sans.size(), " URIs, not one SPIFFE ID"));
        }
        auto id = pki::ParseSpiffeId(one.uri_sans.front());
        if (!id.ok()) return id.status();
        material.uri = one.uri_sans.front();
        material.serial = one.serial;
        material.not_before = one.not_before;
        material.not_after = one.not_after;
      }
      const bool is_root = !material.chain_pem.empty() && one.is_ca && one.self_issued;
      (is_root ? material.roots_pem : material.chain_pem) += block;
    }
  }
  if (material.chain_pem.empty()) return absl::InvalidArgumentError("there is no certificate in it");
  if (material.roots_pem.empty()) return absl::InvalidArgumentError("there is no root certificate in it");
  if (absl::Status status = pki::CheckKeyMatches(material.chain_pem, material.key_pem); !status.ok()) return status;
  if (absl::Status status = pki::CheckChain(material.chain_pem, material.roots_pem, std::nullopt); !status.ok())
    return status;
  return material;
}

bool HasRoot(std::string_view roots_pem, std::string_view root_sha256) {
  auto roots = pki::ReadCertificates(roots_pem);
  if (!roots.ok()) return false;
  for (const pki::CertificateFacts& root : *roots) {
    if (root.spki_sha256 == root_sha256) return true;
  }
  return false;
}

}  // namespace weft::identity
