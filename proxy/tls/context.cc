#include "proxy/tls/context.h"

#include <openssl/sha.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "pki/x509.h"
#include "proxy/tls/handshake_state.h"
#include "proxy/tls/ocsp.h"
#include "proxy/tls/parameters.h"
#include "proxy/tls/revocation.h"
#include "proxy/tls/session_cache.h"
#include "proxy/tls/ticket_keys.h"
#include "proxy/tls/verifier.h"

namespace weft::tls {

// Several certificates: those that name the SNI are offered first, then those whose wildcard covers it, then all
// others; within each ECDSA before RSA. Which of the offered ones is used BoringSSL decides by what the client can
// verify.
struct CertificateChoice {
  std::vector<LoadedCertificate> certificates;  // ECDSA before RSA, else as in the spec
  config::OcspPolicy policy;

  // Null: its OCSP answer has expired and it may not be shown without.
  const SSL_CREDENTIAL* Usable(const LoadedCertificate& certificate, int64_t now_unix) const {
    if (certificate.stapled == nullptr) return certificate.credential.get();
    if (certificate.staple_validity.Contains(now_unix)) return certificate.stapled.get();
    const bool may_go_without = policy == config::OcspPolicy::kLenient && !certificate.must_staple;
    return may_go_without ? certificate.credential.get() : nullptr;
  }
};

namespace {

constexpr char kMeshProtocols[] = "weft-";

enum class Fit : uint8_t { kExact, kWildcard, kNone };

Fit FitOf(const LoadedCertificate& certificate, absl::string_view server_name) {
  Fit best = Fit::kNone;
  for (const std::string& name : certificate.dns_names) {
    if (absl::EqualsIgnoreCase(name, server_name)) return Fit::kExact;
    const size_t dot = server_name.find('.');
    if (absl::StartsWith(name, "*.") && dot != absl::string_view::npos && dot > 0 &&
        absl::EqualsIgnoreCase(absl::string_view(name).substr(1), server_name.substr(dot))) {
      best = Fit::kWildcard;
    }
  }
  return best;
}

absl::Status UseFirstCertificate(SSL_CTX* ctx, const LoadedCertificate& certificate) {
  if (SSL_CTX_add1_credential(ctx, certificate.credential.get())) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("tls_certificates[0]: ", pki::TakeSslError()));
}

absl::StatusOr<std::vector<LoadedCertificate>> LoadCertificates(const config::DownstreamTlsSpec& spec) {
  if (spec.common.certificates.empty()) {
    return absl::InvalidArgumentError("tls_certificates: a server needs one");
  }
  std::vector<LoadedCertificate> certificates;
  for (size_t i = 0; i < spec.common.certificates.size(); ++i) {
    auto loaded = LoadCertificate(spec.common.certificates[i], i);
    if (!loaded.ok()) return loaded.status();
    if (loaded->stapled == nullptr && (spec.ocsp_policy == config::OcspPolicy::kMust || loaded->must_staple)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tls_certificates[", i, "].ocsp_staple: missing, though ",
          loaded->must_staple ? "the certificate must not be shown without one" : "ocsp_staple_policy is MUST_STAPLE"));
    }
    certificates.push_back(*std::move(loaded));
  }
  return certificates;
}

std::vector<LoadedCertificate> EcdsaFirst(std::vector<LoadedCertificate> certificates) {
  std::vector<LoadedCertificate> sorted;
  for (const bool rsa : {false, true}) {
    for (LoadedCertificate& certificate : certificates) {
      if (certificate.is_rsa == rsa && certificate.credential != nullptr) sorted.push_back(std::move(certificate));
    }
  }
  return sorted;
}

// What a session may carry over from one connection to another: who we are and whom we trust. Tickets of all contexts
// are sealed with the same keys; this keeps them apart, and makes a full handshake after the trust settings changed.
class SessionContext {
 public:
  SessionContext() { SHA256_Init(&hash_); }
  void Add(absl::string_view text) {
    const uint64_t size = text.size();
    SHA256_Update(&hash_, &size, sizeof size);
    SHA256_Update(&hash_, text.data(), text.size());
  }
  void Add(const config::ValidationSpec& validation) {
    Add(validation.trusted_ca_pem);
    Add(validation.crl_pem);
    Add(absl::StrCat(int{validation.system_roots}, int{validation.accept_untrusted}, int{validation.only_leaf_crl},
                     validation.max_verify_depth.value_or(UINT32_MAX)));
    for (const std::string& pin : validation.spki_sha256_base64) Add(pin);
    for (const std::string& pin : validation.certificate_sha256) Add(pin);
    for (const config::SanMatchSpec& san : validation.sans) {
      Add(absl::StrCat(static_cast<int>(san.type), static_cast<int>(san.how), int{san.ignore_case}));
      Add(san.text);
    }
  }
  // Its names: a renewal does not end sessions.
  void Add(const LoadedCertificate& certificate) {
    Add(certificate.uri);
    for (const std::string& name : certificate.dns_names) Add(name);
    if (certificate.uri.empty() && certificate.dns_names.empty()) Add(certificate.sha256);
  }
  bool Set(SSL_CTX* ctx) {
    static_assert(SHA256_DIGEST_LENGTH <= SSL_MAX_SID_CTX_LENGTH);
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256_Final(digest, &hash_);
    return SSL_CTX_set_session_id_context(ctx, digest, sizeof digest);
  }

 private:
  SHA256_CTX hash_;
};

uint32_t Seconds(base::Duration time) {
  return static_cast<uint32_t>(
      std::clamp<int64_t>(std::chrono::duration_cast<std::chrono::seconds>(time).count(), 0, 7 * 24 * 3600));
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
    if (context.choice_ == nullptr) return 1;
    const CertificateChoice& choice = *context.choice_;
    HandshakeState* state = HandshakeState::Of(ssl);
    if (state == nullptr) return 0;
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    SSL_certs_clear(ssl);
    bool any = false;
    for (const Fit wanted : {Fit::kExact, Fit::kWildcard, Fit::kNone}) {
      for (const LoadedCertificate& certificate : choice.certificates) {
        const Fit fit = name == nullptr ? Fit::kNone : FitOf(certificate, name);
        const SSL_CREDENTIAL* usable = fit == wanted ? choice.Usable(certificate, state->now_unix) : nullptr;
        if (usable == nullptr) continue;
        if (!SSL_add1_credential(ssl, usable)) return 0;
        any = true;
      }
    }
    if (!any) state->fault = {Fault::kStapleExpired, "no certificate has a valid OCSP answer"};
    return any ? 1 : 0;
  }
  static int TicketKey(SSL* ssl, uint8_t* name, uint8_t* iv, EVP_CIPHER_CTX* cipher, HMAC_CTX* hmac, int seal) {
    const TicketKeys& given = Of(ssl).ticket_keys_;
    const TicketKeys& keys = given.empty() ? TicketKeyring::OfProcess().ForThisThread() : given;
    return SealOrOpenTicket(keys, name, iv, cipher, hmac, seal != 0);
  }
};

absl::Status ServerContext::SetSessions(const config::DownstreamTlsSpec& spec,
                                        const std::vector<LoadedCertificate>& certificates) {
  SessionContext sessions;
  for (const LoadedCertificate& certificate : certificates) sessions.Add(certificate);
  sessions.Add(absl::StrCat(int{spec.require_client_certificate}, int{spec.common.validation.has_value()}));
  if (spec.common.validation) sessions.Add(*spec.common.validation);
  if (!sessions.Set(ctx_)) return absl::InternalError("session id context");
  for (size_t i = 0; i < spec.common.ticket_keys.size(); ++i) {
    auto key = TicketKey::Parse(spec.common.ticket_keys[i].bytes);
    if (!key.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("session_ticket_keys.keys[", i, "]: ", key.status().message()));
    }
    ticket_keys_.push_back(*key);
  }
  const uint32_t seconds = Seconds(spec.session_timeout.value_or(kSessionTimeout));
  SSL_CTX_set_timeout(ctx_, seconds);
  SSL_CTX_set_session_psk_dhe_timeout(ctx_, seconds);
  SSL_CTX_set_tlsext_ticket_key_cb(ctx_, ServerCallbacks::TicketKey);
  SSL_CTX_set_session_cache_mode(ctx_, SSL_SESS_CACHE_OFF);  // tickets only: no state, no lock
  SSL_CTX_set_num_tickets(ctx_, 1);
  if (spec.disable_resumption || seconds == 0) SSL_CTX_set_options(ctx_, SSL_OP_NO_TICKET);
  return absl::OkStatus();
}

ServerContext::ServerContext() = default;
ServerContext::~ServerContext() { SSL_CTX_free(ctx_); }

bool ServerContext::StillTrusts(uint64_t root) const { return verifier_ == nullptr || verifier_->TrustsRoot(root); }

absl::StatusOr<std::shared_ptr<const ServerContext>> ServerContext::Create(const config::DownstreamTlsSpec& spec) {
  std::shared_ptr<ServerContext> context(new ServerContext);
  auto ctx = NewContext(spec.common.parameters);
  if (!ctx.ok()) return ctx.status();
  auto loaded = LoadCertificates(spec);
  if (!loaded.ok()) return loaded.status();
  std::vector<LoadedCertificate> certificates = *std::move(loaded);
  context->ctx_ = ctx->release();
  SSL_CTX* const raw = context->ctx_;
  context->local_uri_ = certificates[0].uri;
  context->not_after_unix_ = INT64_MAX;
  for (const LoadedCertificate& certificate : certificates) {
    context->not_after_unix_ = std::min(context->not_after_unix_, certificate.not_after_unix);
  }
  // Our order of ciphers: the groups of equal preference in it leave AES or ChaCha20 to the client.
  SSL_CTX_set_options(raw, SSL_OP_CIPHER_SERVER_PREFERENCE);
  if (absl::Status status = context->SetSessions(spec, certificates); !status.ok()) return status;
  if (absl::Status status = UseFirstCertificate(raw, certificates[0]); !status.ok()) return status;
  if (certificates.size() > 1 || certificates[0].stapled != nullptr) {
    context->choice_ = std::make_unique<CertificateChoice>(EcdsaFirst(std::move(certificates)), spec.ocsp_policy);
    SSL_CTX_set_cert_cb(raw, ServerCallbacks::ChooseCertificate, nullptr);
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
    SSL_CTX_set_custom_verify(raw, mode, RefuseAll);
    // Inside the mesh every client has one certificate; the names of the roots would only make the handshake longer.
    // They are sent when there are few, for clients that choose by them.
    bssl::UniquePtr<STACK_OF(CRYPTO_BUFFER)> names(sk_CRYPTO_BUFFER_new_null());
    constexpr size_t kMaxNames = 8;
    if (context->verifier_->root_names().size() <= kMaxNames) {
      for (const auto& name : context->verifier_->root_names()) {
        bssl::PushToStack(names.get(), bssl::UpRef(name));
      }
    }
    SSL_CTX_set0_client_CAs(raw, names.release());
  }

  auto alpn = AlpnWireForm(spec.common.alpn);
  if (!alpn.ok()) return alpn.status();
  context->alpn_ = *std::move(alpn);
  if (!context->alpn_.empty()) {
    SSL_CTX_set_alpn_select_cb(raw, ServerCallbacks::SelectAlpn, nullptr);
  }
  SSL_CTX_set_ex_data(raw, ServerCallbacks::Index(), context.get());
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
  config::CommonTlsSpec checked = spec.common;
  if (spec.auto_sni_san_validation) {
    if (!checked.validation)
      return absl::InvalidArgumentError("auto_sni_san_validation: there is no validation_context");
    checked.validation->sans.clear();  // the name that was sent stands for them
  }
  auto verifier = CompileVerifier(checked, Side::kServer);
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
  context->auto_host_sni_ = spec.auto_host_sni;
  context->server_must_have_sni_ = spec.auto_sni_san_validation;
  context->resume_ = spec.resume;
  context->number_ = NextNumber();
  SSL_CTX_set_session_cache_mode(ctx->get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(ctx->get(), SessionCache::OnNewSession);
  context->ctx_ = ctx->release();
  return std::shared_ptr<const ClientContext>(std::move(context));
}

void RotateTicketKeys() { TicketKeyring::OfProcess().Rotate(); }

absl::Status CheckRevocationLists(const std::string& pem) { return ParseRevocationLists(pem).status(); }

absl::Status CheckOcspStaple(const std::string& der, const std::string& chain_pem) {
  auto chain = pki::ParseCertificates(chain_pem);
  return chain.ok() ? CheckOcspAnswer(der, chain->front().get()).status() : chain.status();
}

absl::Status CheckTicketKey(const std::string& bytes) { return TicketKey::Parse(bytes).status(); }

uint64_t SettingsHash(const config::UpstreamTlsSpec& spec) {
  const config::TlsParametersSpec& parameters = spec.common.parameters;
  uint64_t hash = absl::HashOf(spec.sni, spec.common.alpn, parameters.min_version, parameters.max_version,
                               parameters.cipher_suites, parameters.curves, spec.common.certificates.size(),
                               spec.common.validation.has_value(), spec.auto_host_sni, spec.auto_sni_san_validation);
  if (!spec.common.validation.has_value()) return hash;
  const config::ValidationSpec& validation = *spec.common.validation;
  hash = absl::HashOf(hash, validation.trusted_ca_pem, validation.system_roots, validation.accept_untrusted,
                      validation.spki_sha256_base64, validation.certificate_sha256, validation.crl_pem,
                      validation.only_leaf_crl, validation.max_verify_depth);
  for (const config::SanMatchSpec& san : validation.sans) {
    hash = absl::HashOf(hash, san.type, san.how, san.text, san.ignore_case);
  }
  return hash;
}

}  // namespace weft::tls
