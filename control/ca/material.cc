#include "control/ca/material.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "pki/issue.h"
#include "pki/private_file.h"
#include "pki/spiffe_id.h"

namespace weft::control::ca {
namespace {

constexpr char kRootKey[] = "root.key";
constexpr char kRoot[] = "root.pem";
constexpr char kIssuing[] = "issuing.pem";
constexpr char kExtraRoots[] = "extra_roots.pem";

std::string PathOf(const std::string& directory, const char* name) { return absl::StrCat(directory, "/", name); }

absl::Status InFile(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

// "Weft root 1f2e3d4c": the number tells two installations apart in error messages.
std::string NameFor(const char* what, EVP_PKEY* key) {
  return absl::StrCat("Weft ", what, " ", absl::BytesToHexString(pki::SpkiSha256(key).substr(0, 4)));
}

absl::StatusOr<Pair> NewRoot(const Options& options, absl::Time now) {
  auto key = pki::NewP256Key();
  if (!key.ok()) return key.status();
  pki::CertificateShape shape;
  shape.common_name = NameFor("root", key->get());
  shape.uri_sans = {absl::StrCat("spiffe://", options.trust_domain)};
  shape.not_before = now - options.back_date;
  shape.not_after = now + options.root_lifetime;
  shape.ca_path_length = 1;
  auto certificate = pki::Issue(shape, key->get(), nullptr, key->get());
  if (!certificate.ok()) return certificate.status();
  auto pem = pki::CertificatePem(certificate->get());
  if (!pem.ok()) return pem.status();
  return Pair{*std::move(key), *std::move(certificate), *std::move(pem)};
}

void RemoveSet(const std::string& directory) {
  for (const char* name : {kRootKey, kRoot, kIssuing}) ::unlink(PathOf(directory, name).c_str());
  ::rmdir(directory.c_str());
}

absl::Status WriteSet(const std::string& directory, const Material& material) {
  auto root_key = pki::PrivateKeyPem(material.root.key.get());
  if (!root_key.ok()) return root_key.status();
  absl::Status status = pki::WritePrivateFile(PathOf(directory, kRootKey), *root_key);
  if (status.ok()) {
    status = pki::WritePrivateFile(PathOf(directory, kRoot), material.root.certificate_pem);
  }
  if (status.ok()) status = WriteIssuing(directory, material.issuing);
  return status;
}

absl::Status CheckFilled(const std::string& directory) {
  DIR* listing = ::opendir(directory.c_str());
  if (listing == nullptr) {
    if (errno == ENOENT) return absl::NotFoundError(absl::StrCat(directory, ": missing"));
    return absl::ErrnoToStatus(errno, absl::StrCat(directory, ": open"));
  }
  bool empty = true;
  while (const dirent* entry = ::readdir(listing)) {
    const std::string_view name = entry->d_name;
    empty = empty && (name == "." || name == "..");
  }
  ::closedir(listing);
  return empty ? absl::NotFoundError(absl::StrCat(directory, ": empty")) : absl::OkStatus();
}

absl::StatusOr<bssl::UniquePtr<X509>> OneCertificate(const std::string& path, const std::string& text) {
  auto certificates = pki::ParseCertificates(text);
  if (!certificates.ok()) return InFile(path, certificates.status());
  if (certificates->size() != 1) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", certificates->size(), " certificates, expected one"));
  }
  return std::move(certificates->front());
}

absl::Status CheckPair(const std::string& key_path, const std::string& certificate_path, const Pair& pair) {
  if (X509_check_private_key(pair.certificate.get(), pair.key.get())) return absl::OkStatus();
  (void)pki::TakeSslError();
  return absl::FailedPreconditionError(
      absl::StrCat(key_path, ": not the private key of the certificate in ", certificate_path));
}

absl::StatusOr<Pair> LoadRoot(const std::string& directory) {
  const std::string path = PathOf(directory, kRoot);
  const std::string key_path = PathOf(directory, kRootKey);
  auto text = pki::ReadPrivateFile(path);
  if (!text.ok()) return text.status();
  auto certificate = OneCertificate(path, *text);
  if (!certificate.ok()) return certificate.status();
  auto pem = pki::CertificatePem(certificate->get());
  if (!pem.ok()) return pem.status();
  Pair root{nullptr, *std::move(certificate), *std::move(pem)};
  auto key_text = pki::ReadPrivateFile(key_path);
  if (absl::IsNotFound(key_text.status())) return root;  // kept elsewhere: allowed
  if (!key_text.ok()) return key_text.status();
  auto key = pki::ParsePrivateKey(*key_text);
  if (!key.ok()) return InFile(key_path, key.status());
  root.key = *std::move(key);
  if (absl::Status status = CheckPair(key_path, path, root); !status.ok()) return status;
  return root;
}

absl::StatusOr<Pair> LoadIssuing(const std::string& directory, X509* root) {
  const std::string path = PathOf(directory, kIssuing);
  auto text = pki::ReadPrivateFile(path);
  if (!text.ok()) return text.status();
  auto certificate = OneCertificate(path, *text);
  if (!certificate.ok()) return certificate.status();
  auto key = pki::ParsePrivateKey(*text);
  if (!key.ok()) return InFile(path, key.status());
  auto pem = pki::CertificatePem(certificate->get());
  if (!pem.ok()) return pem.status();
  Pair issuing{*std::move(key), *std::move(certificate), *std::move(pem)};
  if (absl::Status status = CheckPair(path, path, issuing); !status.ok()) return status;
  bssl::UniquePtr<EVP_PKEY> root_key(X509_get_pubkey(root));
  if (!root_key || X509_verify(issuing.certificate.get(), root_key.get()) != 1) {
    (void)pki::TakeSslError();
    return absl::FailedPreconditionError(absl::StrCat(path, ": not signed by the root in ", PathOf(directory, kRoot)));
  }
  return issuing;
}

absl::Status CheckRoot(const Options& options, const Pair& root, absl::Time now) {
  const pki::CertificateFacts facts = pki::Facts(root.certificate.get());
  const std::string path = PathOf(options.directory, kRoot);
  const std::string wanted = absl::StrCat("spiffe://", options.trust_domain);
  if (facts.uri_sans != std::vector<std::string>{wanted}) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": made for ", facts.uri_sans.empty() ? "no trust domain" : facts.uri_sans.front(),
                     ", not for ", wanted));
  }
  if (now < facts.not_before) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": not valid before ", absl::FormatTime(facts.not_before), "; is the clock right?"));
  }
  if (now >= facts.not_after) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": the root expired at ", absl::FormatTime(facts.not_after)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Pair> NewIssuing(const Options& options, const Pair& root, absl::Time now) {
  auto key = pki::NewP256Key();
  if (!key.ok()) return key.status();
  pki::CertificateShape shape;
  shape.common_name = NameFor("issuing", key->get());
  shape.uri_sans = {absl::StrCat("spiffe://", options.trust_domain)};
  shape.not_before = now - options.back_date;
  shape.not_after = std::min(now + options.issuing_lifetime, pki::ToTime(X509_get0_notAfter(root.certificate.get())));
  shape.ca_path_length = 0;
  auto certificate = pki::Issue(shape, key->get(), root.certificate.get(), root.key.get());
  if (!certificate.ok()) return certificate.status();
  auto pem = pki::CertificatePem(certificate->get());
  if (!pem.ok()) return pem.status();
  return Pair{*std::move(key), *std::move(certificate), *std::move(pem)};
}

absl::Status WriteIssuing(const std::string& directory, const Pair& issuing) {
  auto key = pki::PrivateKeyPem(issuing.key.get());
  if (!key.ok()) return key.status();
  return pki::WritePrivateFile(PathOf(directory, kIssuing), absl::StrCat(issuing.certificate_pem, *key));
}

absl::StatusOr<Material> CreateMaterial(const Options& options, absl::Time now) {
  if (absl::Status status = pki::CheckTrustDomain(options.trust_domain); !status.ok()) return status;
  Material material;
  auto root = NewRoot(options, now);
  if (!root.ok()) return root.status();
  material.root = *std::move(root);
  auto issuing = NewIssuing(options, material.root, now);
  if (!issuing.ok()) return issuing.status();
  material.issuing = *std::move(issuing);

  std::string temporary = absl::StrCat(options.directory, ".new.XXXXXX");
  if (::mkdtemp(temporary.data()) == nullptr) {  // 0700
    return absl::ErrnoToStatus(errno, absl::StrCat(temporary, ": mkdtemp"));
  }
  absl::Status status = WriteSet(temporary, material);
  // The set appears in one step; an empty directory is replaced, a filled one is not.
  if (status.ok() && ::rename(temporary.c_str(), options.directory.c_str()) != 0) {
    status = errno == ENOTEMPTY || errno == EEXIST
                 ? absl::AlreadyExistsError(options.directory)
                 : absl::ErrnoToStatus(errno, absl::StrCat(options.directory, ": rename"));
  }
  if (!status.ok()) {
    RemoveSet(temporary);
    return status;
  }
  const size_t slash = options.directory.rfind('/');
  status = pki::SyncDirectory(slash == std::string::npos ? "." : slash == 0 ? "/" : options.directory.substr(0, slash));
  if (!status.ok()) return status;
  return material;
}

absl::StatusOr<Material> LoadMaterial(const Options& options, absl::Time now) {
  if (absl::Status status = CheckFilled(options.directory); !status.ok()) {
    return status;
  }
  if (absl::Status status = pki::MakePrivateDirectory(options.directory); !status.ok()) return status;
  // From here on a missing file is damage, not a first start: it must not be answered with a new root.
  const auto damage = [](const absl::Status& status) {
    return absl::IsNotFound(status) ? absl::FailedPreconditionError(status.message()) : status;
  };
  Material material;
  auto root = LoadRoot(options.directory);
  if (!root.ok()) return damage(root.status());
  material.root = *std::move(root);
  if (absl::Status status = CheckRoot(options, material.root, now); !status.ok()) return status;
  auto issuing = LoadIssuing(options.directory, material.root.certificate.get());
  if (!issuing.ok()) return damage(issuing.status());
  material.issuing = *std::move(issuing);
  auto extra = LoadExtraRoots(options.directory);
  if (!extra.ok()) return extra.status();
  material.extra_roots_pem = *std::move(extra);
  return material;
}

absl::StatusOr<std::vector<std::string>> LoadExtraRoots(const std::string& directory) {
  const std::string path = PathOf(directory, kExtraRoots);
  auto text = pki::ReadPrivateFile(path);
  if (absl::IsNotFound(text.status())) return std::vector<std::string>();
  if (!text.ok()) return text.status();
  auto facts = pki::ReadCertificates(*text);
  if (!facts.ok()) return InFile(path, facts.status());
  for (size_t i = 0; i < facts->size(); ++i) {
    if ((*facts)[i].is_ca && (*facts)[i].self_issued) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": certificate ", i + 1, " is not a self-signed CA certificate"));
  }
  auto blocks = pki::SplitCertificates(*text);
  if (!blocks.ok()) return InFile(path, blocks.status());
  return blocks;
}

}  // namespace weft::control::ca
