// The handshake of a TlsStream: from a fresh lower stream to an established one whose peer is known and checked.
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proxy/runtime/wait.h"
#include "proxy/tls/handshake_gate.h"
#include "proxy/tls/handshake_state.h"
#include "proxy/tls/record_io.h"
#include "proxy/tls/session_cache.h"
#include "proxy/tls/stream.h"
#include "proxy/tls/verifier.h"

namespace weft::tls {
namespace {

using base::Status;
using net::IoResult;
using net::IoState;

uint8_t AlertOf(Fault fault) {
  switch (fault) {
    case Fault::kExpired: return SSL_AD_CERTIFICATE_EXPIRED;
    case Fault::kUntrustedIssuer: return SSL_AD_UNKNOWN_CA;
    case Fault::kWrongIdentity: return SSL_AD_ACCESS_DENIED;
    case Fault::kRevoked: return SSL_AD_CERTIFICATE_REVOKED;
    case Fault::kWrongUsage: return SSL_AD_UNSUPPORTED_CERTIFICATE;
    case Fault::kInternal: return SSL_AD_INTERNAL_ERROR;
    default: return SSL_AD_BAD_CERTIFICATE;
  }
}

}  // namespace

struct StreamCallbacks {
  static int Index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
  }
  static Verdict Judge(const TlsStream& stream, const STACK_OF(CRYPTO_BUFFER) * chain) {
    Verdict verdict = stream.verifier()->Verify(chain, stream.WallSeconds());
    const bool by_name = stream.client_ != nullptr && stream.client_->server_must_have_sni_;
    if (!verdict.fault && by_name && !IsFor(*verdict.peer, stream.server_name_)) {
      verdict.fault = {Fault::kWrongIdentity,
                       absl::StrCat("the server is ", absl::StrJoin(verdict.peer->dns_names, ", "), "; wanted DNS ",
                                    stream.server_name_)};
    }
    return verdict;
  }
  // A session must not outlive the certificate that it was made with.
  static void EndSessionWith(SSL* ssl, int64_t seconds_left) {
    SSL_SESSION* session = SSL_get_session(ssl);
    if (session != nullptr && seconds_left < SSL_SESSION_get_timeout(session)) {
      SSL_SESSION_set_timeout(session, static_cast<uint32_t>(std::max<int64_t>(seconds_left, 0)));
    }
  }
  static ssl_verify_result_t Verify(SSL* ssl, uint8_t* alert) {
    auto& stream = *static_cast<TlsStream*>(SSL_get_ex_data(ssl, Index()));
    const STACK_OF(CRYPTO_BUFFER)* chain = SSL_get0_peer_certificates(ssl);
    if (stream.verifier() == nullptr) {
      stream.peer_ = ReadPeer(chain);
      return ssl_verify_ok;
    }
    Verdict verdict = Judge(stream, chain);
    stream.peer_ = std::move(verdict.peer);
    if (!verdict.fault) {
      EndSessionWith(ssl, verdict.good_until - stream.WallSeconds());
      return ssl_verify_ok;
    }
    stream.fault_ = std::move(verdict.fault);
    *alert = AlertOf(stream.fault_.fault);
    return ssl_verify_invalid;
  }
};

runtime::Task<TlsStream::Handshaken> TlsStream::Accept(runtime::Reactor& reactor,
                                                       std::unique_ptr<net::ByteStream> lower,
                                                       std::shared_ptr<const ServerContext> context,
                                                       base::ByteChain prefix, runtime::TimePoint deadline) {
  std::unique_ptr<TlsStream> stream(new TlsStream(reactor, std::move(lower), Side::kServer, std::move(prefix)));
  stream->ssl_ = SSL_new(context->ctx_);
  WEFT_CHECK(stream->ssl_ != nullptr);
  stream->server_ = std::move(context);
  SSL_set_accept_state(stream->ssl_);
  return Run(std::move(stream), deadline);
}

runtime::Task<TlsStream::Handshaken> TlsStream::Connect(runtime::Reactor& reactor,
                                                        std::unique_ptr<net::ByteStream> lower,
                                                        std::shared_ptr<const ClientContext> context,
                                                        ConnectOptions options, runtime::TimePoint deadline) {
  std::unique_ptr<TlsStream> stream(new TlsStream(reactor, std::move(lower), Side::kClient, {}));
  SSL* ssl = stream->ssl_ = SSL_new(context->ctx_);
  WEFT_CHECK(ssl != nullptr);
  stream->server_name_ = options.sni.empty() ? context->sni() : std::move(options.sni);
  if (!stream->server_name_.empty()) SSL_set_tlsext_host_name(ssl, stream->server_name_.c_str());
  if (options.resume && context->resume_) {
    const net::Address& peer = stream->lower_->peer_address();
    stream->session_key_ =
        std::make_unique<SessionKey>(SessionKey{context->number_, absl::HashOf(peer.Hash(), stream->server_name_)});
    SessionCache::Attach(ssl, stream->session_key_.get());
    if (auto session = SessionCache::ForThisThread().Take(*stream->session_key_)) {
      SSL_set_session(ssl, session.get());
    }
  }
  stream->client_ = std::move(context);
  SSL_set_connect_state(ssl);
  return Run(std::move(stream), deadline);
}

runtime::Task<TlsStream::Handshaken> TlsStream::Run(std::unique_ptr<TlsStream> stream, runtime::TimePoint deadline) {
  SSL* ssl = stream->ssl_;
  SSL_set_ex_data(ssl, StreamCallbacks::Index(), stream.get());
  SSL_set_custom_verify(ssl, SSL_get_verify_mode(ssl), StreamCallbacks::Verify);
  SSL_set_shed_handshake_config(ssl, 1);
  BIO* bio = stream->records_->NewBio().release();
  SSL_set_bio(ssl, bio, bio);
  HandshakeState state;
  state.now_unix = stream->WallSeconds();
  const HandshakeState::Attachment attached(ssl, &state);
  auto ended = co_await runtime::Within<Status>(stream->reactor_, deadline, nullptr, stream->Handshake(state));
  if (ended.outcome != runtime::Outcome::kDone) {
    stream->failed_ = true;
    co_return ToFailure(stream->side_, {Fault::kTimeout, std::string("in state ") + SSL_state_string_long(ssl)});
  }
  if (!ended.value->ok()) co_return std::move(*ended.value).failure();
  co_return std::move(stream);
}

runtime::Task<Status> TlsStream::Handshake(HandshakeState& state) {
  for (;;) {
    co_await HandshakeGate::ForThisThread().Enter(reactor_);
    ERR_clear_error();
    records_->Cork();  // a flight is one call below
    const int result = SSL_do_handshake(ssl_);
    const int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_, result);
    records_->Uncork();
    const bool needs_signature = error == SSL_ERROR_WANT_PRIVATE_KEY_OPERATION && state.signature != nullptr;
    if (result != 1 && error != SSL_ERROR_WANT_READ && !needs_signature) {
      if (state.fault) fault_ = state.fault;
      co_return HandshakeFailure(error);
    }
    for (IoResult sent = records_->Flush(); sent.state != IoState::kOk; sent = records_->Flush()) {
      if (sent.state == IoState::kError) co_return HandshakeFailure(SSL_ERROR_SYSCALL);
      co_await lower_->Writable();
    }
    if (result == 1) co_return FinishHandshake();
    if (needs_signature) {
      co_await Ask(reactor_, *state.signature);
      continue;
    }
    records_->ReleaseIfEmpty();
    while (!lower_->MayRead()) co_await lower_->Readable();
  }
}

Status TlsStream::FinishHandshake() {
  if (SSL_session_reused(ssl_)) {
    // The chain came in an earlier handshake: it must still be good, today and for this context.
    const STACK_OF(CRYPTO_BUFFER)* chain = SSL_get0_peer_certificates(ssl_);
    const bool any = chain != nullptr && sk_CRYPTO_BUFFER_num(chain) > 0;
    if (!any || verifier() == nullptr) {
      peer_ = ReadPeer(chain);
    } else {
      Verdict verdict = StreamCallbacks::Judge(*this, chain);
      peer_ = std::move(verdict.peer);
      fault_ = std::move(verdict.fault);
    }
    const bool required = server_ != nullptr ? server_->require_client_certificate_ : verifier() != nullptr;
    if (!any && required) {
      fault_ = {Fault::kNoCertificate, "the resumed session has none"};
    }
  }
  if (server_ != nullptr) {
    const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
    if (name != nullptr) server_name_ = name;
    if (name == nullptr && server_->require_sni_) fault_ = {Fault::kNoServerName, "the client sent none"};
  }
  const uint8_t* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &protocol, &size);
  alpn_.assign(reinterpret_cast<const char*>(protocol), size);
  if (client_ != nullptr && client_->needs_protocol_ && alpn_.empty()) {
    fault_ = {Fault::kNoProtocol,
              absl::StrCat(peer_ != nullptr ? peer_->uri : std::string(), " chose none of our ALPN names")};
  }
  if (fault_) {
    failed_ = true;
    return ToFailure(side_, fault_);
  }
  records_->ReleaseIfEmpty();
  established_ = true;
  lower_->SetObserver(this);
  return base::Ok();
}

base::Failure TlsStream::HandshakeFailure(int ssl_error) {
  if (!fault_) fault_ = FaultOfError(ssl_error);
  NameTheEnds();
  failed_ = true;
  records_->Flush();  // the alert, if there is one and the peer takes it
  ERR_clear_error();
  return ToFailure(side_, fault_);
}

}  // namespace weft::tls
