#include "proxy/assemble/secrets.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "pki/certificate.h"
#include "pki/private_file.h"
#include "proxy/tls/context.h"

namespace weft::assemble {
namespace {

absl::Status At(const std::string& field, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(field, ": ", status.message()));
}

void AddFileKeys(const config::CertificateSpec& certificate, Keys* keys) {
  if (!certificate.chain_file.empty()) keys->insert(FileKey(certificate.chain_file));
  if (!certificate.key_file.empty()) keys->insert(FileKey(certificate.key_file));
  if (!certificate.ocsp_file.empty()) keys->insert(FileKey(certificate.ocsp_file));
}

void AddFileKeys(const config::ValidationSpec& validation, Keys* keys) {
  if (!validation.trusted_ca_file.empty()) keys->insert(FileKey(validation.trusted_ca_file));
  if (!validation.crl_file.empty()) keys->insert(FileKey(validation.crl_file));
}

void AddFileKeys(const std::vector<config::TicketKeySpec>& ticket_keys, Keys* keys) {
  for (const config::TicketKeySpec& key : ticket_keys) {
    if (!key.file.empty()) keys->insert(FileKey(key.file));
  }
}

template <class T>
void Append(const std::vector<T>& from, std::vector<T>* to) {
  to->insert(to->end(), from.begin(), from.end());
}

// As Envoy merges a secret into the default of a CombinedCertificateValidationContext.
void Merge(const config::ValidationSpec& secret, config::ValidationSpec* into) {
  if (!secret.trusted_ca_pem.empty() || !secret.trusted_ca_file.empty()) {
    into->trusted_ca_pem = secret.trusted_ca_pem;
    into->trusted_ca_file = secret.trusted_ca_file;
  }
  if (!secret.crl_pem.empty() || !secret.crl_file.empty()) {
    into->crl_pem = secret.crl_pem;
    into->crl_file = secret.crl_file;
  }
  into->only_leaf_crl |= secret.only_leaf_crl;
  into->system_roots |= secret.system_roots;
  into->accept_untrusted |= secret.accept_untrusted;
  Append(secret.sans, &into->sans);
  Append(secret.spki_sha256_base64, &into->spki_sha256_base64);
  Append(secret.certificate_sha256, &into->certificate_sha256);
  if (secret.max_verify_depth) into->max_verify_depth = secret.max_verify_depth;
  into->sds_name.clear();
}

}  // namespace

void AddKeys(const config::CommonTlsSpec& tls, Keys* keys) {
  for (const config::CertificateSpec& certificate : tls.certificates) {
    if (!certificate.sds_name.empty()) keys->insert(SecretKey(certificate.sds_name));
    AddFileKeys(certificate, keys);
  }
  AddFileKeys(tls.ticket_keys, keys);
  if (!tls.ticket_keys_sds_name.empty()) keys->insert(SecretKey(tls.ticket_keys_sds_name));
  if (!tls.validation) return;
  if (!tls.validation->sds_name.empty()) keys->insert(SecretKey(tls.validation->sds_name));
  AddFileKeys(*tls.validation, keys);
}

const config::SecretSpec* Secrets::Find(const std::string& name) const {
  const auto found = secrets_.find(name);
  return found == secrets_.end() ? nullptr : &found->second;
}

absl::Status Secrets::Check(const config::SecretSpec& secret) {
  if (secret.certificate) return CheckCertificate(*secret.certificate);
  if (secret.validation) return CheckValidation(*secret.validation);
  if (secret.ticket_keys.empty()) {
    return absl::InvalidArgumentError("neither tls_certificate nor validation_context nor session_ticket_keys");
  }
  for (config::TicketKeySpec key : secret.ticket_keys) {
    if (absl::Status status = ReadInto("session_ticket_keys.keys", &key.file, &key.bytes); !status.ok()) return status;
    if (absl::Status status = tls::CheckTicketKey(key.bytes); !status.ok()) {
      return At("session_ticket_keys.keys", status);
    }
  }
  return absl::OkStatus();
}

absl::Status Secrets::CheckCertificate(config::CertificateSpec certificate) {
  if (absl::Status status = ReadFilesOf("tls_certificate", &certificate); !status.ok()) return status;
  auto facts = pki::ReadCertificates(certificate.chain_pem);
  if (!facts.ok()) return At("tls_certificate.certificate_chain", facts.status());
  if (!certificate.ocsp_der.empty()) {
    const absl::Status good = tls::CheckOcspStaple(certificate.ocsp_der, certificate.chain_pem);
    if (!good.ok()) return At("tls_certificate.ocsp_staple", good);
  }
  if (certificate.signer) return absl::OkStatus();
  const absl::Status fits = pki::CheckKeyMatches(certificate.chain_pem, certificate.key_pem);
  return fits.ok() ? fits : At("tls_certificate.private_key", fits);
}

absl::Status Secrets::CheckValidation(config::ValidationSpec validation) {
  if (absl::Status status = ReadFilesOf(&validation); !status.ok()) return status;
  if (!validation.crl_pem.empty()) {
    const absl::Status good = tls::CheckRevocationLists(validation.crl_pem);
    if (!good.ok()) return At("validation_context.crl", good);
  }
  if (validation.trusted_ca_pem.empty()) return absl::OkStatus();
  auto facts = pki::ReadCertificates(validation.trusted_ca_pem);
  return facts.ok() ? absl::OkStatus() : At("validation_context.trusted_ca", facts.status());
}

absl::Status Secrets::Set(const config::SecretSpec& secret) {
  if (absl::Status status = Check(secret); !status.ok()) return status;
  secrets_[secret.name] = secret;
  return absl::OkStatus();
}

absl::Status Secrets::Fill(config::CommonTlsSpec* tls, std::vector<std::string>* missing) {
  for (size_t i = 0; i < tls->certificates.size(); ++i) {
    const std::string field = absl::StrCat("tls_certificates[", i, "]");
    if (absl::Status status = FillCertificate(field, &tls->certificates[i], missing); !status.ok()) return status;
  }
  if (absl::Status status = FillTicketKeys(tls, missing); !status.ok()) return status;
  return tls->validation ? FillValidation(&*tls->validation, missing) : absl::OkStatus();
}

absl::Status Secrets::FillTicketKeys(config::CommonTlsSpec* tls, std::vector<std::string>* missing) {
  if (!tls->ticket_keys_sds_name.empty()) {
    const config::SecretSpec* secret = Find(tls->ticket_keys_sds_name);
    if (secret == nullptr) {
      missing->push_back(tls->ticket_keys_sds_name);
      return absl::OkStatus();
    }
    if (secret->ticket_keys.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("session_ticket_keys: secret ", secret->name, " is no session_ticket_keys"));
    }
    tls->ticket_keys = secret->ticket_keys;
    tls->ticket_keys_sds_name.clear();
  }
  for (config::TicketKeySpec& key : tls->ticket_keys) {
    const absl::Status status = ReadInto("session_ticket_keys.keys.filename", &key.file, &key.bytes);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Secrets::FillCertificate(const std::string& field, config::CertificateSpec* certificate,
                                      std::vector<std::string>* missing) {
  if (!certificate->sds_name.empty()) {
    const config::SecretSpec* secret = Find(certificate->sds_name);
    if (secret == nullptr) {
      missing->push_back(certificate->sds_name);
      return absl::OkStatus();
    }
    if (!secret->certificate)
      return absl::InvalidArgumentError(absl::StrCat(field, ": secret ", secret->name, " is no tls_certificate"));
    *certificate = *secret->certificate;
  }
  return ReadFilesOf(field, certificate);
}

absl::Status Secrets::ReadInto(const std::string& field, std::string* file, std::string* bytes) {
  if (file->empty()) return absl::OkStatus();
  auto content = Read(*file);
  if (!content.ok()) return At(field, content.status());
  *bytes = *std::move(content);
  file->clear();
  return absl::OkStatus();
}

absl::Status Secrets::ReadFilesOf(const std::string& field, config::CertificateSpec* certificate) {
  absl::Status status =
      ReadInto(field + ".certificate_chain.filename", &certificate->chain_file, &certificate->chain_pem);
  if (status.ok()) status = ReadInto(field + ".private_key.filename", &certificate->key_file, &certificate->key_pem);
  if (status.ok()) status = ReadInto(field + ".ocsp_staple.filename", &certificate->ocsp_file, &certificate->ocsp_der);
  return status;
}

absl::Status Secrets::ReadFilesOf(config::ValidationSpec* validation) {
  absl::Status status =
      ReadInto("validation_context.trusted_ca.filename", &validation->trusted_ca_file, &validation->trusted_ca_pem);
  if (status.ok()) status = ReadInto("validation_context.crl.filename", &validation->crl_file, &validation->crl_pem);
  return status;
}

absl::Status Secrets::FillValidation(config::ValidationSpec* validation, std::vector<std::string>* missing) {
  if (!validation->sds_name.empty()) {
    const config::SecretSpec* secret = Find(validation->sds_name);
    if (secret == nullptr) {
      missing->push_back(validation->sds_name);
      return absl::OkStatus();
    }
    if (!secret->validation) {
      return absl::InvalidArgumentError(
          absl::StrCat("validation_context: secret ", secret->name, " is no validation_context"));
    }
    Merge(*secret->validation, validation);
  }
  return ReadFilesOf(validation);
}

Keys Secrets::KeysOf(const config::CommonTlsSpec& tls) const {
  Keys keys;
  AddKeys(tls, &keys);
  for (const config::CertificateSpec& certificate : tls.certificates) {
    const config::SecretSpec* secret = Find(certificate.sds_name);
    if (secret != nullptr && secret->certificate) AddFileKeys(*secret->certificate, &keys);
  }
  const config::SecretSpec* tickets = Find(tls.ticket_keys_sds_name);
  if (tickets != nullptr) AddFileKeys(tickets->ticket_keys, &keys);
  const config::SecretSpec* roots = tls.validation ? Find(tls.validation->sds_name) : nullptr;
  if (roots != nullptr && roots->validation) AddFileKeys(*roots->validation, &keys);
  return keys;
}

absl::StatusOr<std::string> Secrets::Read(const std::string& path) {
  struct stat now{};
  // Looked at before it is read: a change in between is seen at the next check.
  const bool known = stat(path.c_str(), &now) == 0;
  auto content = pki::ReadSmallFile(path);
  if (!content.ok()) return content;
  File& file = files_[path];
  file.content = *content;
  if (known) {
    file.inode = now.st_ino;
    file.modified_nanos = int64_t{now.st_mtim.tv_sec} * 1'000'000'000 + now.st_mtim.tv_nsec;
    file.size = now.st_size;
  }
  return content;
}

Keys Secrets::CheckFiles() {
  Keys changed;
  for (const auto& [path, file] : files_) {
    struct stat now{};
    if (stat(path.c_str(), &now) != 0) continue;  // being replaced: what was read stays
    const int64_t modified = int64_t{now.st_mtim.tv_sec} * 1'000'000'000 + now.st_mtim.tv_nsec;
    if (now.st_ino == file.inode && modified == file.modified_nanos && now.st_size == file.size) continue;
    const std::string before = file.content;
    auto content = Read(path);  // of a file that is known: the map keeps its shape
    if (content.ok() && *content != before) changed.insert(FileKey(path));
  }
  return changed;
}

std::map<std::string, std::string> Secrets::files() const {
  std::map<std::string, std::string> contents;
  for (const auto& [path, file] : files_) contents.emplace(path, file.content);
  return contents;
}

}  // namespace weft::assemble
