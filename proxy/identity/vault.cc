#include "proxy/identity/vault.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "pki/absl_view.h"
#include "pki/certificate.h"
#include "pki/key.h"
#include "pki/private_file.h"

namespace weft::identity {
namespace {

constexpr std::string_view kReceived = "received ";

// The time on the line "received …" before the PEM blocks; InfinitePast where there is none.
absl::Time ReceivedLine(std::string_view text) {
  const size_t begin = text.find(kReceived);
  if (begin != 0) return absl::InfinitePast();
  const std::string_view value = text.substr(kReceived.size(), text.find('\n') - kReceived.size());
  absl::Time time;
  std::string error;
  return absl::ParseTime(absl::RFC3339_full, pki::AbslView(value), &time, &error) ? time : absl::InfinitePast();
}

absl::StatusOr<Material> Parse(const std::string& text) {
  const size_t first = text.find("-----BEGIN CERTIFICATE-----");
  if (first == std::string::npos) return absl::InvalidArgumentError("no CERTIFICATE block");
  const size_t key = text.find("-----BEGIN PRIVATE KEY-----");
  if (key == std::string::npos || key > first)
    return absl::InvalidArgumentError("no PRIVATE KEY block before the certificates");
  return MakeMaterial(text.substr(key, first - key), {text.substr(first)}, ReceivedLine(text));
}

}  // namespace

Vault::Vault(const std::string& directory)
    : identity_path_(directory + "/identity.pem"), enrollment_key_path_(directory + "/enrolling.key") {}

absl::StatusOr<Vault> Vault::Open(std::string directory) {
  while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
  if (directory.empty()) return absl::InvalidArgumentError("--identity-dir is empty");
  if (absl::Status status = pki::MakePrivateDirectory(directory); !status.ok()) {
    return absl::Status(status.code(), absl::StrCat("--identity-dir: ", status.message()));
  }
  if (::faccessat(AT_FDCWD, directory.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) != 0) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat("--identity-dir ", directory, " cannot be written by user ", ::geteuid()));
  }
  return Vault(directory);
}

absl::StatusOr<Material> Vault::Load() const {
  auto text = pki::ReadPrivateFile(identity_path_);
  if (!text.ok()) return text.status();
  auto material = Parse(*text);
  if (!material.ok()) return absl::DataLossError(absl::StrCat(identity_path_, ": ", material.status().message()));
  return material;
}

absl::Status Vault::Store(const Material& material) const {
  return pki::WritePrivateFile(
      identity_path_, absl::StrCat(pki::AbslView(kReceived),
                                   absl::FormatTime(absl::RFC3339_full, material.received, absl::UTCTimeZone()), "\n",
                                   material.key_pem, material.chain_pem, material.roots_pem));
}

absl::StatusOr<std::string> Vault::EnrollmentKey() const {
  auto stored = pki::ReadPrivateFile(enrollment_key_path_);
  if (stored.ok() && pki::MakeCsrPem(*stored, "").ok()) return stored;
  if (absl::IsPermissionDenied(stored.status())) return stored.status();
  auto fresh = pki::NewKeyPem();
  if (!fresh.ok()) return fresh.status();
  if (absl::Status status = pki::WritePrivateFile(enrollment_key_path_, *fresh); !status.ok()) return status;
  return fresh;
}

void Vault::ForgetEnrollmentKey() const { ::unlink(enrollment_key_path_.c_str()); }

}  // namespace weft::identity
