#include "control/ca/authority.h"

#include <openssl/bio.h>
#include <openssl/pem.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/ca/material.h"
#include "pki/issue.h"
#include "pki/x509.h"

namespace weft::control::ca {
namespace {

constexpr size_t kMaxCsrBytes = 16 * 1024;

// The request's public key, after checking that the sender holds its private half.
absl::StatusOr<bssl::UniquePtr<EVP_PKEY>> KeyOfRequest(std::string_view csr_pem) {
  if (csr_pem.size() > kMaxCsrBytes) {
    return absl::InvalidArgumentError(absl::StrCat("certificate request: ", csr_pem.size(), " bytes, over 16384"));
  }
  bssl::UniquePtr<BIO> in(BIO_new_mem_buf(csr_pem.data(), static_cast<ossl_ssize_t>(csr_pem.size())));
  bssl::UniquePtr<X509_REQ> request(in ? PEM_read_bio_X509_REQ(in.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!request) return pki::SslError("certificate request");
  bssl::UniquePtr<EVP_PKEY> key(X509_REQ_get_pubkey(request.get()));
  if (!key) return pki::SslError("certificate request: its public key");
  if (absl::Status status = pki::CheckPublicKey(key.get()); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("certificate request: ", status.message()));
  }
  if (X509_REQ_verify(request.get(), key.get()) != 1) {
    return pki::SslError("certificate request: its own signature does not verify");
  }
  return key;
}

absl::Time HalfLife(const Options& options, X509* issuing) {
  const absl::Time begin = pki::ToTime(X509_get0_notBefore(issuing)) + options.back_date;
  return begin + (pki::ToTime(X509_get0_notAfter(issuing)) - begin) / 2;
}

absl::Status CheckOptions(const Options& options) {
  if (options.min_ttl <= absl::ZeroDuration() || options.max_ttl < options.min_ttl ||
      options.default_ttl < options.min_ttl || options.default_ttl > options.max_ttl ||
      options.issuing_lifetime < options.max_ttl || options.root_lifetime < options.issuing_lifetime) {
    return absl::InvalidArgumentError("certificate lifetimes must obey 0 < min <= default <= max <= issuing <= root");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> RequestKeySha256(std::string_view csr_pem) {
  auto key = KeyOfRequest(csr_pem);
  if (!key.ok()) return key.status();
  return pki::SpkiSha256(key->get());
}

std::vector<std::string> SignedCertificate::IstioChain() const {
  std::vector<std::string> all = chain_pem;
  all.insert(all.end(), roots_pem.begin(), roots_pem.end());
  return all;
}

CertificateAuthority::CertificateAuthority(Options options, std::unique_ptr<Material> material)
    : options_(std::move(options)), material_(std::move(material)) {
  bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(material_->root.certificate.get()));
  root_sha256_ = pki::SpkiSha256(key.get());
}

CertificateAuthority::~CertificateAuthority() = default;

absl::StatusOr<std::unique_ptr<CertificateAuthority>> CertificateAuthority::Open(Options options, absl::Time now) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  while (options.directory.size() > 1 && options.directory.back() == '/') options.directory.pop_back();
  auto material = LoadMaterial(options, now);
  if (absl::IsNotFound(material.status())) {
    material = CreateMaterial(options, now);
    if (absl::IsAlreadyExists(material.status())) material = LoadMaterial(options, now);
  }
  if (!material.ok()) return material.status();
  std::unique_ptr<CertificateAuthority> authority(
      new CertificateAuthority(std::move(options), std::make_unique<Material>(*std::move(material))));
  auto renewed = authority->RenewIssuing(now);
  // Half-life passed and no root key is a warning (Facts() tells); an expired one cannot sign at all.
  if (!renewed.ok() && now >= authority->Facts().issuing_not_after) return renewed.status();
  return authority;
}

absl::StatusOr<SignedCertificate> CertificateAuthority::Sign(std::string_view csr_pem, const pki::SpiffeId& id,
                                                             absl::Duration ttl, absl::Time now) const {
  if (id.trust_domain != options_.trust_domain) {
    return absl::InvalidArgumentError(
        absl::StrCat("identity ", id.ToString(), " is not of trust domain ", options_.trust_domain));
  }
  auto key = KeyOfRequest(csr_pem);
  if (!key.ok()) return key.status();
  if (ttl <= absl::ZeroDuration()) ttl = options_.default_ttl;
  ttl = std::clamp(ttl, options_.min_ttl, options_.max_ttl);

  std::shared_lock lock(mutex_);
  const Pair& issuing = material_->issuing;
  pki::CertificateShape shape;
  shape.uri_sans = {id.ToString()};
  shape.not_before = now - options_.back_date;
  shape.not_after = std::min(now + ttl, pki::ToTime(X509_get0_notAfter(issuing.certificate.get())));
  shape.for_tls = true;
  if (shape.not_after <= now) {
    return absl::FailedPreconditionError("the issuing certificate has expired");
  }
  auto leaf = pki::Issue(shape, key->get(), issuing.certificate.get(), issuing.key.get());
  if (!leaf.ok()) return leaf.status();
  auto leaf_pem = pki::CertificatePem(leaf->get());
  if (!leaf_pem.ok()) return leaf_pem.status();
  SignedCertificate answer;
  answer.chain_pem = {*std::move(leaf_pem), issuing.certificate_pem};
  answer.roots_pem = {material_->root.certificate_pem};
  answer.roots_pem.insert(answer.roots_pem.end(), material_->extra_roots_pem.begin(), material_->extra_roots_pem.end());
  const pki::CertificateFacts facts = pki::Facts(leaf->get());
  answer.serial = facts.serial;
  answer.not_before = facts.not_before;
  answer.not_after = facts.not_after;
  return answer;
}

absl::StatusOr<ServerCertificate> CertificateAuthority::IssueServer(const pki::SpiffeId& id,
                                                                    const std::vector<std::string>& dns_names,
                                                                    absl::Duration ttl, absl::Time now) const {
  auto key = pki::NewP256Key();
  if (!key.ok()) return key.status();
  auto key_pem = pki::PrivateKeyPem(key->get());
  if (!key_pem.ok()) return key_pem.status();

  std::shared_lock lock(mutex_);
  const Pair& issuing = material_->issuing;
  pki::CertificateShape shape;
  shape.uri_sans = {id.ToString()};
  shape.dns_sans = dns_names;
  shape.not_before = now - options_.back_date;
  shape.not_after = std::min(now + ttl, pki::ToTime(X509_get0_notAfter(issuing.certificate.get())));
  shape.for_tls = true;
  if (shape.not_after <= now) {
    return absl::FailedPreconditionError("server certificate: no lifetime is left for it");
  }
  auto leaf = pki::Issue(shape, key->get(), issuing.certificate.get(), issuing.key.get());
  if (!leaf.ok()) return leaf.status();
  auto leaf_pem = pki::CertificatePem(leaf->get());
  if (!leaf_pem.ok()) return leaf_pem.status();
  ServerCertificate answer;
  answer.key_pem = *std::move(key_pem);
  answer.chain_pem = absl::StrCat(*leaf_pem, issuing.certificate_pem, material_->root.certificate_pem);
  answer.roots_pem = absl::StrCat(material_->root.certificate_pem, absl::StrJoin(material_->extra_roots_pem, ""));
  answer.not_after = pki::ToTime(X509_get0_notAfter(leaf->get()));
  return answer;
}

absl::StatusOr<bool> CertificateAuthority::RenewIssuing(absl::Time now) {
  std::scoped_lock lock(mutex_);
  if (now < HalfLife(options_, material_->issuing.certificate.get())) return false;
  if (!material_->root.key) {
    return absl::FailedPreconditionError(
        absl::StrCat(options_.directory, ": the issuing certificate is past its half and ends at ",
                     absl::FormatTime(pki::ToTime(X509_get0_notAfter(material_->issuing.certificate.get()))),
                     ", but root.key is not there to make a new one"));
  }
  auto issuing = NewIssuing(options_, material_->root, now);
  if (!issuing.ok()) return issuing.status();
  if (absl::Status status = WriteIssuing(options_.directory, *issuing); !status.ok()) return status;
  material_->issuing = *std::move(issuing);
  return true;
}

absl::Status CertificateAuthority::ReloadExtraRoots() {
  auto extra = LoadExtraRoots(options_.directory);
  if (!extra.ok()) return extra.status();
  std::scoped_lock lock(mutex_);
  material_->extra_roots_pem = *std::move(extra);
  return absl::OkStatus();
}

std::string CertificateAuthority::BundlePem() const {
  std::shared_lock lock(mutex_);
  return absl::StrCat(material_->root.certificate_pem, absl::StrJoin(material_->extra_roots_pem, ""));
}

const std::string& CertificateAuthority::RootSha256() const { return root_sha256_; }

AuthorityFacts CertificateAuthority::Facts() const {
  std::shared_lock lock(mutex_);
  AuthorityFacts facts;
  facts.trust_domain = options_.trust_domain;
  facts.root_not_after = pki::ToTime(X509_get0_notAfter(material_->root.certificate.get()));
  facts.issuing_not_after = pki::ToTime(X509_get0_notAfter(material_->issuing.certificate.get()));
  facts.issuing_renew_at = HalfLife(options_, material_->issuing.certificate.get());
  facts.issuing_serial = pki::Facts(material_->issuing.certificate.get()).serial;
  facts.root_key_present = material_->root.key != nullptr;
  facts.roots = 1 + static_cast<int>(material_->extra_roots_pem.size());
  return facts;
}

}  // namespace weft::control::ca
