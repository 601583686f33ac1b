#include "proxy/tls/parameters.h"

#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/pool.h>
#include <openssl/sha.h>

#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pki/x509.h"
#include "proxy/tls/ocsp.h"
#include "proxy/tls/signer.h"

namespace weft::tls {
namespace {

using config::TlsVersion;

// Envoy's list for servers and clients: forward secrecy and AEAD only; ChaCha20 first for a peer that prefers it.
constexpr char kTls12Ciphers[] =
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]:"
    "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
constexpr char kCurves[] = "X25519MLKEM768:X25519:P-256";
constexpr char kSystemRoots[] = "/etc/ssl/certs/ca-certificates.crt";  // Debian, Ubuntu, Alpine, Arch

// Shared by all contexts for the life of the process; has a lock of its own, taken in handshakes only.
CRYPTO_BUFFER_POOL* CertificatePool() {
  static CRYPTO_BUFFER_POOL* const pool = CRYPTO_BUFFER_POOL_new();
  return pool;
}

uint16_t VersionNumber(TlsVersion version, uint16_t automatic) {
  switch (version) {
    case TlsVersion::kAuto: return automatic;
    case TlsVersion::kTls12: return TLS1_2_VERSION;
    case TlsVersion::kTls13: return TLS1_3_VERSION;
  }
  return automatic;
}

absl::Status Bad(const std::string& field) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", pki::TakeSslError()));
}

absl::Status SetKey(SSL_CREDENTIAL* credential, const config::CertificateSpec& spec, X509* leaf,
                    const std::string& field) {
  if (spec.signer) {
    const absl::Status status = SignElsewhere(credential, X509_get0_pubkey(leaf), *spec.signer);
    if (status.ok()) return status;
    return absl::InvalidArgumentError(absl::StrCat(field, ".private_key_provider: ", status.message()));
  }
  auto key = pki::ParsePrivateKey(spec.key_pem);
  if (!key.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(field, ".private_key: ", key.status().message()));
  }
  if (!X509_check_private_key(leaf, key->get())) {
    (void)pki::TakeSslError();
    return absl::InvalidArgumentError(absl::StrCat(field, ".private_key: not the key of the certificate"));
  }
  return SSL_CREDENTIAL_set1_private_key(credential, key->get()) ? absl::OkStatus() : Bad(field);
}

absl::StatusOr<bssl::UniquePtr<SSL_CREDENTIAL>> NewCredential(const config::CertificateSpec& spec,
                                                              const std::vector<bssl::UniquePtr<X509>>& chain,
                                                              const std::string& field) {
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> owners;
  std::vector<CRYPTO_BUFFER*> buffers;
  for (const auto& certificate : chain) {
    uint8_t* der = nullptr;
    const int size = i2d_X509(certificate.get(), &der);
    if (size <= 0) return Bad(absl::StrCat(field, ".certificate_chain"));
    bssl::UniquePtr<uint8_t> owner(der);
    owners.emplace_back(CRYPTO_BUFFER_new(der, static_cast<size_t>(size), CertificatePool()));
    buffers.push_back(owners.back().get());
  }
  bssl::UniquePtr<SSL_CREDENTIAL> credential(SSL_CREDENTIAL_new_x509());
  if (!credential || !SSL_CREDENTIAL_set1_cert_chain(credential.get(), buffers.data(), buffers.size())) {
    return Bad(field);
  }
  if (absl::Status status = SetKey(credential.get(), spec, chain.front().get(), field); !status.ok()) return status;
  return credential;
}

}  // namespace

absl::StatusOr<bssl::UniquePtr<SSL_CTX>> NewContext(const config::TlsParametersSpec& parameters) {
  bssl::UniquePtr<SSL_CTX> ctx(SSL_CTX_new(TLS_with_buffers_method()));
  if (!ctx) return Bad("SSL_CTX");
  SSL_CTX_set1_buffer_pool(ctx.get(), CertificatePool());
  const uint16_t min = VersionNumber(parameters.min_version, TLS1_2_VERSION);
  const uint16_t max = VersionNumber(parameters.max_version, TLS1_3_VERSION);
  if (min > max) {
    return absl::InvalidArgumentError("tls_params: minimum protocol version above the maximum");
  }
  if (!SSL_CTX_set_min_proto_version(ctx.get(), min) || !SSL_CTX_set_max_proto_version(ctx.get(), max)) {
    return Bad("tls_params: protocol version");
  }
  const std::string ciphers =
      parameters.cipher_suites.empty() ? kTls12Ciphers : absl::StrJoin(parameters.cipher_suites, ":");
  if (!SSL_CTX_set_strict_cipher_list(ctx.get(), ciphers.c_str())) {
    return Bad(absl::StrCat("tls_params.cipher_suites \"", ciphers, "\""));
  }
  const std::string curves = parameters.curves.empty() ? kCurves : absl::StrJoin(parameters.curves, ":");
  if (!SSL_CTX_set1_groups_list(ctx.get(), curves.c_str())) {
    return Bad(absl::StrCat("tls_params.ecdh_curves \"", curves, "\""));
  }
  SSL_CTX_set_early_data_enabled(ctx.get(), 0);
  // A request that does not fit one record may go on with the rest of itself from elsewhere.
  SSL_CTX_set_mode(ctx.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return ctx;
}

absl::StatusOr<LoadedCertificate> LoadCertificate(const config::CertificateSpec& spec, size_t index) {
  const std::string field = absl::StrCat("tls_certificates[", index, "]");
  if (spec.chain_pem.empty() || (spec.key_pem.empty() && !spec.signer)) {
    return absl::InvalidArgumentError(absl::StrCat(field, ": ",
                                                   !spec.sds_name.empty()
                                                       ? absl::StrCat("secret \"", spec.sds_name, "\" has not come")
                                                   : spec.chain_pem.empty() ? std::string("certificate_chain is empty")
                                                                            : std::string("private_key is empty")));
  }
  auto chain = pki::ParseCertificates(spec.chain_pem);
  if (!chain.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(field, ".certificate_chain: ", chain.status().message()));
  }
  X509* leaf = chain->front().get();
  LoadedCertificate loaded;
  auto credential = NewCredential(spec, *chain, field);
  if (!credential.ok()) return credential.status();
  loaded.credential = *std::move(credential);
  if (!spec.ocsp_der.empty()) {
    auto validity = CheckOcspAnswer(spec.ocsp_der, leaf);
    if (!validity.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(field, ".ocsp_staple: ", validity.status().message()));
    }
    auto stapled = NewCredential(spec, *chain, field);
    if (!stapled.ok()) return stapled.status();
    bssl::UniquePtr<CRYPTO_BUFFER> answer(
        CRYPTO_BUFFER_new(reinterpret_cast<const uint8_t*>(spec.ocsp_der.data()), spec.ocsp_der.size(), nullptr));
    if (!answer || !SSL_CREDENTIAL_set1_ocsp_response(stapled->get(), answer.get())) {
      return Bad(absl::StrCat(field, ".ocsp_staple"));
    }
    loaded.stapled = *std::move(stapled);
    loaded.staple_validity = *validity;
  }
  pki::CertificateFacts facts = pki::Facts(leaf);
  if (!facts.uri_sans.empty()) loaded.uri = facts.uri_sans.front();
  loaded.dns_names = std::move(facts.dns_sans);
  loaded.not_after_unix = absl::ToUnixSeconds(facts.not_after);
  loaded.is_rsa = EVP_PKEY_id(X509_get0_pubkey(leaf)) == EVP_PKEY_RSA;
  loaded.must_staple = MustStaple(leaf);
  uint8_t digest[SHA256_DIGEST_LENGTH];
  unsigned size = sizeof digest;
  if (!X509_digest(leaf, EVP_sha256(), digest, &size)) return Bad(field);
  loaded.sha256.assign(reinterpret_cast<const char*>(digest), size);
  return loaded;
}

absl::StatusOr<std::string> AlpnWireForm(const std::vector<std::string>& names) {
  std::string wire;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255) {
      return absl::InvalidArgumentError(absl::StrCat("alpn_protocols: \"", name, "\" is not 1 to 255 bytes long"));
    }
    wire.push_back(static_cast<char>(name.size()));
    wire += name;
  }
  return wire;
}

absl::StatusOr<std::unique_ptr<const ChainVerifier>> CompileVerifier(const config::CommonTlsSpec& spec, Side peer) {
  if (!spec.validation.has_value()) return nullptr;
  config::ValidationSpec validation = *spec.validation;
  if (validation.trusted_ca_pem.empty() && !validation.sds_name.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("validation_context: secret \"", validation.sds_name, "\" has not come"));
  }
  if (validation.system_roots) {
    std::ifstream file(kSystemRoots);
    validation.trusted_ca_pem.append(std::istreambuf_iterator<char>(file), {});
    if (validation.trusted_ca_pem.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("system_root_certs: ", kSystemRoots, " is missing or empty"));
    }
  }
  return ChainVerifier::Compile(validation, peer);
}

}  // namespace weft::tls
