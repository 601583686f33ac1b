#include "proxy/tls/context.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "pki/x509.h"
#include "proxy/tls/parameters.h"
#include "proxy/tls/session_cache.h"
#include "proxy/tls/verifier.h"

namespace weft::tls {

// Several certificates: those whose names cover the SNI are offered first, all others after them, in the order of the
// spec. Which of the offered ones is used (ECDSA or RSA) BoringSSL decides by what the client can verify.
struct CertificateChoice {
  std::vector<LoadedCertificate> certificates;
};

namespace {

constexpr char kMeshProtocols[] = "weft-";
constexpr uint8_t kSessionContext[] = {'w', 'e', 'f', 't'};

bool Covers(const LoadedCertificate& certificate, absl::string_view server_name) {
  for (const std::string& name : certificate.dns_names) {
    if (absl::EqualsIgnoreCase(name, server_name)) return true;
    const size_t dot = server_name.find('.');
    if (absl::StartsWith(name, "*.") && dot != absl::string_view::npos && dot > 0 &&
        absl::EqualsIgnoreCase(absl::string_view(name).substr(1), server_name.substr(dot))) {
      return true;
    }
  }
  return false;
}

absl::Status UseFirstCertificate(SSL_CTX* ctx, const LoadedCertificate& certificate) {
  if (SSL_CTX_add1_credential(ctx, certificate.credential.get())) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("tls_certificates[0]: ", pki::TakeSslError()));
}

// Chains are checked by ChainVerifier, which needs to know the connection: TlsStream sets the callback. This one only
// makes sure that a connection on which nobody set it is refused.
ssl_verify_result_t RefuseAll(SSL*, uint8_t* alert) {
  *alert = SSL_AD_INTERNAL_ERROR;
  return ssl_verify_invalid;
}

uint64_t NextNumber() {
  static std::atomic<uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

struct ServerCallbacks {
  static const ServerContext& Of(SSL* ssl) {
    return *static_cast<const ServerContext*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), Index()));
  }
  static int Index() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
  }
  // No protocol in common: go on without one, as Envoy does; the filter chain decides.
  static int SelectAlpn(SSL* ssl, const uint8_t** out, uint8_t* out_size, const uint8_t* in, unsigned in_size, void*) {
    const std::string& ours = Of(ssl).alpn_;
    const int result =
        SSL_select_next_proto(const_cast<uint8_t**>(out), out_size, reinterpret_cast<const uint8_t*>(ours.data()),
                              static_cast<unsigned>(ours.size()), in, in_size);
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
  }
  static int ChooseCertificate(SSL* ssl, void*) {
    const ServerContext& context = Of(ssl);
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (context.choice_ == nullptr) return 1;
    SSL_certs_clear(ssl);
    for (const bool covering : {true, false}) {
      for (const LoadedCertificate& certificate : context.choice_->certificates) {
        const bool covers = name != nullptr && Covers(certificate, name);
        if (covers == covering && !SSL_add1_credential(ssl, certificate.credential.get())) return 0;
      }
    }
    return 1;
  }
};

ServerContext::ServerContext() = default;
ServerContext::~ServerContext() { SSL_CTX_free(ctx_); }

absl::StatusOr<std::shared_ptr<const ServerContext>> ServerContext::Create(const config::DownstreamTlsSpec& spec) {
  std::shared_ptr<ServerContext> context(new ServerContext);
  auto ctx = NewContext(spec.common.parameters);
  if (!ctx.ok()) return ctx.status();
  if (spec.common.certificates.empty()) {
    return absl::InvalidArgumentError("tls_certificates: a server needs one");
  }
  std::vector<LoadedCertificate> certificates;
  for (size_t i = 0; i < spec.common.certificates.size(); ++i) {
    auto loaded = LoadCertificate(spec.common.certificates[i], i);
    if (!loaded.ok()) return loaded.status();
    certificates.push_back(*std::move(loaded));
  }
  context->local_uri_ = certificates[0].uri;
  context->not_after_unix_ = INT64_MAX;
  for (const LoadedCertificate& certificate : certificates) {
    context->not_after_unix_ = std::min(context->not_after_unix_, certificate.not_after_unix);
  }
  if (absl::Status status = UseFirstCertificate(ctx->get(), certificates[0]); !status.ok()) return status;
  if (certificates.size() > 1) {
    context->choice_ = std::make_unique<CertificateChoice>();
    context->choice_->certificates = std::move(certificates);
    SSL_CTX_set_cert_cb(ctx->get(), ServerCallbacks::ChooseCertificate, nullptr);
  }

  auto verifier = CompileVerifier(spec.common, Side::kClient);
  if (!verifier.ok()) return verifier.status();
  context->verifier_ = *std::move(verifier);
  context->require_client_certificate_ = spec.require_client_certificate;
  context->require_sni_ = spec.require_sni;
  if (spec.require_client_certificate && context->verifier_ == nullptr) {
    return absl::InvalidArgumentError("require_client_certificate: there is no validation_context to check it with");
  }
  if (context->verifier_ != nullptr) {
    const int mode = SSL_VERIFY_PEER | (spec.require_client_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
    SSL_CTX_set_custom_verify(ctx->get(), mode, RefuseAll);
    // Inside the mesh every client has one certificate; the names of the roots would only make the handshake longer.
    // They are sent when there are few, for clients that choose by them.
    bssl::UniquePtr<STACK_OF(CRYPTO_BUFFER)> names(sk_CRYPTO_BUFFER_new_null());
    constexpr size_t kMaxNames = 8;
    if (context->verifier_->root_names().size() <= kMaxNames) {
      for (const auto& name : context->verifier_->root_names()) {
        bssl::PushToStack(names.get(), bssl::UpRef(name));
      }
    }
    SSL_CTX_set0_client_CAs(ctx->get(), names.release());
  }

  auto alpn = AlpnWireForm(spec.common.alpn);
  if (!alpn.ok()) return alpn.status();
  context->alpn_ = *std::move(alpn);
  if (!context->alpn_.empty()) {
    SSL_CTX_set_alpn_select_cb(ctx->get(), ServerCallbacks::SelectAlpn, nullptr);
  }
  SSL_CTX_set_session_id_context(ctx->get(), kSessionContext, sizeof kSessionContext);
  SSL_CTX_set_session_cache_mode(ctx->get(), SSL_SESS_CACHE_OFF);  // tickets only: no state, no lock
  SSL_CTX_set_num_tickets(ctx->get(), 1);
  if (spec.disable_resumption) SSL_CTX_set_options(ctx->get(), SSL_OP_NO_TICKET);
  SSL_CTX_set_ex_data(ctx->get(), ServerCallbacks::Index(), context.get());
  context->ctx_ = ctx->release();
  return std::shared_ptr<const ServerContext>(std::move(context));
}

ClientContext::ClientContext() = default;
ClientContext::~ClientContext() { SSL_CTX_free(ctx_); }

absl::StatusOr<std::shared_ptr<const ClientContext>> ClientContext::Create(const config::UpstreamTlsSpec& spec) {
  std::shared_ptr<ClientContext> context(new ClientContext);
  auto ctx = NewContext(spec.common.parameters);
  if (!ctx.ok()) return ctx.status();
  for (size_t i = 0; i < spec.common.certificates.size(); ++i) {
    auto loaded = LoadCertificate(spec.common.certificates[i], i);
    if (!loaded.ok()) return loaded.status();
    if (!SSL_CTX_add1_credential(ctx->get(), loaded->credential.get())) {
      return absl::InvalidArgumentError(absl::StrCat("tls_certificates[", i, "]: ", pki::TakeSslError()));
    }
    if (i == 0) context->local_uri_ = loaded->uri;
    context->not_after_unix_ = std::min(context->not_after_unix_, loaded->not_after_unix);
  }
  auto verifier = CompileVerifier(spec.common, Side::kServer);
  if (!verifier.ok()) return verifier.status();
  context->verifier_ = *std::move(verifier);
  // With SSL_VERIFY_NONE BoringSSL would not call us at all, and the peer's names would stay unknown.
  SSL_CTX_set_custom_verify(ctx->get(), SSL_VERIFY_PEER, RefuseAll);
  auto alpn = AlpnWireForm(spec.common.alpn);
  if (!alpn.ok()) return alpn.status();
  if (!alpn->empty() &&
      SSL_CTX_set_alpn_protos(ctx->get(), reinterpret_cast<const uint8_t*>(alpn->data()), alpn->size()) != 0) {
    return absl::InvalidArgumentError("alpn_protocols");
  }
  if (spec.sni.size() > TLSEXT_MAXLEN_host_name) {
    return absl::InvalidArgumentError("sni: longer than 255 bytes");
  }
  for (const std::string& name : spec.common.alpn) context->needs_protocol_ |= absl::StartsWith(name, kMeshProtocols);
  context->sni_ = spec.sni;
  context->number_ = NextNumber();
  SSL_CTX_set_session_cache_mode(ctx->get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(ctx->get(), SessionCache::OnNewSession);
  context->ctx_ = ctx->release();
  return std::shared_ptr<const ClientContext>(std::move(context));
}

uint64_t SettingsHash(const config::UpstreamTlsSpec& spec) {
  const config::TlsParametersSpec& parameters = spec.common.parameters;
  uint64_t hash =
      absl::HashOf(spec.sni, spec.common.alpn, parameters.min_version, parameters.max_version, parameters.cipher_suites,
                   parameters.curves, spec.common.certificates.size(), spec.common.validation.has_value());
  if (!spec.common.validation.has_value()) return hash;
  const config::ValidationSpec& validation = *spec.common.validation;
  hash = absl::HashOf(hash, validation.trusted_ca_pem, validation.system_roots, validation.accept_untrusted,
                      validation.spki_sha256_base64, validation.certificate_sha256);
  for (const config::SanMatchSpec& san : validation.sans) {
    hash = absl::HashOf(hash, san.type, san.how, san.text, san.ignore_case);
  }
  return hash;
}

}  // namespace weft::tls
