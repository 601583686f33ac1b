#include "proxy/assemble/tls_contexts.h"

#include <openssl/sha.h>

#include <string_view>
#include <type_traits>
#include <utility>

namespace weft::assemble {
namespace {

// Writes values one behind the other so that no two specs give the same bytes.
class Bytes {
 public:
  void Text(std::string_view text) {
    Number(text.size());
    bytes_.append(text);
  }
  void Texts(const std::vector<std::string>& texts) {
    Number(texts.size());
    for (const std::string& text : texts) Text(text);
  }
  template <class T>
    requires std::is_integral_v<T> || std::is_enum_v<T>
  void Number(T number) {
    const auto wide = static_cast<uint64_t>(number);
    bytes_.append(reinterpret_cast<const char*>(&wide), sizeof wide);
  }
  std::array<uint8_t, 32> Sha256() const {
    std::array<uint8_t, 32> digest;
    SHA256(reinterpret_cast<const uint8_t*>(bytes_.data()), bytes_.size(), digest.data());
    return digest;
  }

 private:
  std::string bytes_;
};

void Write(const config::ValidationSpec& validation, Bytes* bytes) {
  bytes->Text(validation.trusted_ca_pem);
  bytes->Text(validation.crl_pem);
  bytes->Number(validation.only_leaf_crl);
  bytes->Number(validation.system_roots);
  bytes->Number(validation.accept_untrusted);
  bytes->Number(validation.max_verify_depth.has_value());
  bytes->Number(validation.max_verify_depth.value_or(0));
  bytes->Texts(validation.spki_sha256_base64);
  bytes->Texts(validation.certificate_sha256);
  bytes->Number(validation.sans.size());
  for (const config::SanMatchSpec& san : validation.sans) {
    bytes->Number(san.type);
    bytes->Number(san.how);
    bytes->Number(san.ignore_case);
    bytes->Text(san.text);
  }
}

void Write(const config::CommonTlsSpec& tls, Bytes* bytes) {
  bytes->Number(tls.parameters.min_version);
  bytes->Number(tls.parameters.max_version);
  bytes->Texts(tls.parameters.cipher_suites);
  bytes->Texts(tls.parameters.curves);
  bytes->Texts(tls.alpn);
  bytes->Number(tls.certificates.size());
  for (const config::CertificateSpec& certificate : tls.certificates) {
    bytes->Text(certificate.chain_pem);
    bytes->Text(certificate.key_pem);
    bytes->Text(certificate.ocsp_der);
    bytes->Text(certificate.signer ? certificate.signer->socket_path : "");
    bytes->Number(certificate.signer ? certificate.signer->timeout.count() : 0);
  }
  bytes->Number(tls.ticket_keys.size());
  for (const config::TicketKeySpec& key : tls.ticket_keys) bytes->Text(key.bytes);
  bytes->Number(tls.validation.has_value());
  if (tls.validation) Write(*tls.validation, bytes);
}

template <class Context, class Map, class Spec>
absl::StatusOr<std::shared_ptr<const Context>> Shared(Map* known, const Bytes& bytes, const Spec& spec) {
  auto& slot = (*known)[bytes.Sha256()];
  if (auto context = slot.lock()) return context;
  auto context = Context::Create(spec);
  if (context.ok()) slot = *context;
  return context;
}

}  // namespace

absl::StatusOr<Compiled<tls::ClientContext>> TlsContexts::Client(const config::UpstreamTlsSpec& spec) {
  Compiled<tls::ClientContext> compiled;
  config::UpstreamTlsSpec filled = spec;
  if (absl::Status status = secrets_.Fill(&filled.common, &compiled.missing); !status.ok()) return status;
  if (!compiled.missing.empty()) return compiled;
  Bytes bytes;
  Write(filled.common, &bytes);
  bytes.Text(filled.sni);
  bytes.Number(filled.resume);
  bytes.Number(filled.auto_host_sni);
  bytes.Number(filled.auto_sni_san_validation);
  auto context = Shared<tls::ClientContext>(&clients_, bytes, filled);
  if (!context.ok()) return context.status();
  compiled.context = *std::move(context);
  compiled.settings_hash = tls::SettingsHash(filled);
  return compiled;
}

absl::StatusOr<Compiled<tls::ServerContext>> TlsContexts::Server(const config::DownstreamTlsSpec& spec) {
  Compiled<tls::ServerContext> compiled;
  config::DownstreamTlsSpec filled = spec;
  if (absl::Status status = secrets_.Fill(&filled.common, &compiled.missing); !status.ok()) return status;
  if (!compiled.missing.empty()) return compiled;
  Bytes bytes;
  Write(filled.common, &bytes);
  bytes.Number(filled.require_client_certificate);
  bytes.Number(filled.require_sni);
  bytes.Number(filled.disable_resumption);
  bytes.Number(filled.session_timeout.has_value());
  bytes.Number(filled.session_timeout.value_or(base::Duration::zero()).count());
  bytes.Number(filled.ocsp_policy);
  auto context = Shared<tls::ServerContext>(&servers_, bytes, filled);
  if (!context.ok()) return context.status();
  compiled.context = *std::move(context);
  return compiled;
}

void TlsContexts::Sweep() {
  std::erase_if(clients_, [](const auto& entry) { return entry.second.expired(); });
  std::erase_if(servers_, [](const auto& entry) { return entry.second.expired(); });
}

}  // namespace weft::assemble
