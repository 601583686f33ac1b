#include "proxy/tls/stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/hash/hash.h"
#include "pki/x509.h"
#include "proxy/runtime/wait.h"
#include "proxy/tls/handshake_gate.h"
#include "proxy/tls/record_io.h"
#include "proxy/tls/session_cache.h"
#include "proxy/tls/verifier.h"

namespace weft::tls {
namespace {

using base::BufferPool;
using base::Status;
using net::IoResult;
using net::IoState;

constexpr size_t kRecord = SSL3_RT_MAX_PLAIN_LENGTH;  // 16384
constexpr size_t kMaxWrite = 4 * kRecord;

uint8_t AlertOf(Fault fault) {
  switch (fault) {
    case Fault::kExpired: return SSL_AD_CERTIFICATE_EXPIRED;
    case Fault::kUntrustedIssuer: return SSL_AD_UNKNOWN_CA;
    case Fault::kWrongIdentity: return SSL_AD_ACCESS_DENIED;
    case Fault::kWrongUsage: return SSL_AD_UNSUPPORTED_CERTIFICATE;
    case Fault::kInternal: return SSL_AD_INTERNAL_ERROR;
    default: return SSL_AD_BAD_CERTIFICATE;
  }
}

Fault FaultOfReason(int reason) {
  switch (reason) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return Fault::kNoCertificate;
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:
      return Fault::kNotTls;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUP:
    case SSL_R_NO_COMMON_SIGNATURE_ALGORITHMS:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_NO_CIPHERS_AVAILABLE:
      return Fault::kNothingInCommon;
    default:
      return Fault::kProtocol;
  }
}

// What the thread's error queue says, if the TLS library has said anything.
FaultReport FaultOfQueue() {
  const uint32_t code = ERR_peek_error();
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return {};
  const int reason = ERR_GET_REASON(code);
  if (reason >= SSL_AD_REASON_OFFSET) {
    return {Fault::kRefusedByPeer,
            std::string("the peer sent the alert \"") +
                SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET) + "\""};
  }
  const Fault fault = FaultOfReason(reason);
  if (fault == Fault::kNoCertificate) return {fault, "the client gave none"};
  return {fault, pki::TakeSslError()};
}

}  // namespace

struct StreamCallbacks {
  static int Index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
  }
  static ssl_verify_result_t Verify(SSL* ssl, uint8_t* alert) {
    auto& stream = *static_cast<TlsStream*>(SSL_get_ex_data(ssl, Index()));
    const STACK_OF(CRYPTO_BUFFER)* chain = SSL_get0_peer_certificates(ssl);
    if (stream.verifier() == nullptr) {
      stream.peer_ = ReadPeer(chain);
      return ssl_verify_ok;
    }
    Verdict verdict = stream.verifier()->Verify(chain, stream.WallSeconds());
    stream.peer_ = std::move(verdict.peer);
    if (!verdict.fault) return ssl_verify_ok;
    stream.fault_ = std::move(verdict.fault);
    *alert = AlertOf(stream.fault_.fault);
    return ssl_verify_invalid;
  }
};

TlsStream::TlsStream(runtime::Reactor& reactor, std::unique_ptr<net::ByteStream> lower, Side side,
                     base::ByteChain prefix)
    : reactor_(reactor),
      lower_(std::move(lower)),
      side_(side),
      records_(std::make_unique<RecordIo>(*lower_, std::move(prefix))) {}

TlsStream::~TlsStream() {
  Close();
  SSL_free(ssl_);
}

runtime::Task<TlsStream::Handshaken> TlsStream::Accept(runtime::Reactor& reactor,
                                                       std::unique_ptr<net::ByteStream> lower,
                                                       std::shared_ptr<const ServerContext> context,
                                                       base::ByteChain prefix,
                                                       runtime::TimePoint deadline) {
  std::unique_ptr<TlsStream> stream(
      new TlsStream(reactor, std::move(lower), Side::kServer, std::move(prefix)));
  stream->ssl_ = SSL_new(context->ctx_);
  WEFT_CHECK(stream->ssl_ != nullptr);
  stream->server_ = std::move(context);
  SSL_set_accept_state(stream->ssl_);
  return Run(std::move(stream), deadline);
}

runtime::Task<TlsStream::Handshaken> TlsStream::Connect(runtime::Reactor& reactor,
                                                        std::unique_ptr<net::ByteStream> lower,
                                                        std::shared_ptr<const ClientContext> context,
                                                        ConnectOptions options,
                                                        runtime::TimePoint deadline) {
  std::unique_ptr<TlsStream> stream(new TlsStream(reactor, std::move(lower), Side::kClient, {}));
  SSL* ssl = stream->ssl_ = SSL_new(context->ctx_);
  WEFT_CHECK(ssl != nullptr);
  stream->server_name_ = options.sni.empty() ? context->sni() : std::move(options.sni);
  if (!stream->server_name_.empty()) SSL_set_tlsext_host_name(ssl, stream->server_name_.c_str());
  if (options.resume) {
    const net::Address& peer = stream->lower_->peer_address();
    stream->session_key_ = std::make_unique<SessionKey>(
        SessionKey{context->number_, absl::HashOf(peer.Hash(), stream->server_name_)});
    SessionCache::Attach(ssl, stream->session_key_.get());
    if (auto session = SessionCache::ForThisThread().Take(*stream->session_key_)) {
      SSL_set_session(ssl, session.get());
    }
  }
  stream->client_ = std::move(context);
  SSL_set_connect_state(ssl);
  return Run(std::move(stream), deadline);
}

runtime::Task<TlsStream::Handshaken> TlsStream::Run(std::unique_ptr<TlsStream> stream,
                                                    runtime::TimePoint deadline) {
  SSL* ssl = stream->ssl_;
  SSL_set_ex_data(ssl, StreamCallbacks::Index(), stream.get());
  SSL_set_custom_verify(ssl, SSL_get_verify_mode(ssl), StreamCallbacks::Verify);
  SSL_set_shed_handshake_config(ssl, 1);
  BIO* bio = stream->records_->NewBio().release();
  SSL_set_bio(ssl, bio, bio);
  auto ended = co_await runtime::Within<Status>(stream->reactor_, deadline, nullptr, stream->Handshake());
  if (ended.outcome != runtime::Outcome::kDone) {
    stream->failed_ = true;
    co_return ToFailure(stream->side_,
                        {Fault::kTimeout, std::string("in state ") + SSL_state_string_long(ssl)});
  }
  if (!ended.value->ok()) co_return std::move(*ended.value).failure();
  co_return std::move(stream);
}

runtime::Task<Status> TlsStream::Handshake() {
  for (;;) {
    co_await HandshakeGate::ForThisThread().Enter(reactor_);
    ERR_clear_error();
    records_->Cork();  // a flight is one call below
    const int result = SSL_do_handshake(ssl_);
    const int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_, result);
    records_->Uncork();
    if (result != 1 && error != SSL_ERROR_WANT_READ) co_return HandshakeFailure(error);
    for (IoResult sent = records_->Flush(); sent.state != IoState::kOk; sent = records_->Flush()) {
      if (sent.state == IoState::kError) co_return HandshakeFailure(SSL_ERROR_SYSCALL);
      co_await lower_->Writable();
    }
    if (result == 1) co_return FinishHandshake();
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
      Verdict verdict = verifier()->Verify(chain, WallSeconds());
      peer_ = std::move(verdict.peer);
      fault_ = std::move(verdict.fault);
    }
    if (!any && server_ != nullptr && server_->require_client_certificate_) {
      fault_ = {Fault::kNoCertificate, "the resumed session has none"};
    }
  }
  if (server_ != nullptr) {
    const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
    if (name != nullptr) server_name_ = name;
    if (name == nullptr && server_->require_sni_) fault_ = {Fault::kNoServerName, "the client sent none"};
  }
  if (fault_) {
    failed_ = true;
    return ToFailure(side_, fault_);
  }
  const uint8_t* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &protocol, &size);
  alpn_.assign(reinterpret_cast<const char*>(protocol), size);
  records_->ReleaseIfEmpty();
  established_ = true;
  lower_->SetObserver(this);
  return base::Ok();
}

base::Failure TlsStream::HandshakeFailure(int ssl_error) {
  if (!fault_) fault_ = FaultOfError(ssl_error);
  failed_ = true;
  records_->Flush();  // the alert, if there is one and the peer takes it
  ERR_clear_error();
  return ToFailure(side_, fault_);
}

FaultReport TlsStream::FaultOfError(int ssl_error) const {
  if (ssl_error == SSL_ERROR_SSL) {
    if (FaultReport report = FaultOfQueue()) return report;
  }
  const Fault cut = established_ ? Fault::kTruncated : Fault::kClosed;
  if (records_->lower_failed()) {
    return {cut, records_->lower_error() != 0 ? std::strerror(records_->lower_error()) : lower_->ErrorText()};
  }
  if (records_->lower_ended()) {
    return {cut, established_ ? "the connection ended without close_notify"
                              : "the peer closed the connection in the handshake"};
  }
  if (ssl_error == SSL_ERROR_ZERO_RETURN) return {Fault::kClosed, "the peer sent close_notify in the handshake"};
  return {Fault::kInternal, std::string("unexpected state ") + SSL_error_description(ssl_error)};
}

IoResult TlsStream::Fail(int ssl_error) {
  fault_ = FaultOfError(ssl_error);
  failed_ = true;
  records_->Flush();
  ERR_clear_error();
  return {IoState::kError, records_->lower_error()};
}

IoResult TlsStream::TryRead(char* into, size_t size) {
  if (failed_ || closed_) return {IoState::kError, records_->lower_error()};
  if (ended_) return {IoState::kEof};
  ERR_clear_error();
  size_t got = 0;
  IoResult result{IoState::kWouldBlock};
  while (got < size) {
    const int room = static_cast<int>(std::min<size_t>(size - got, kMaxWrite));
    const int n = SSL_read(ssl_, into + got, room);
    if (n > 0) {
      got += static_cast<size_t>(n);
      if (!MayRead()) break;
      continue;
    }
    const int error = SSL_get_error(ssl_, n);
    if (error == SSL_ERROR_WANT_READ) break;
    if (error == SSL_ERROR_ZERO_RETURN) {
      ended_ = true;
      result.state = IoState::kEof;
    } else {
      result = Fail(error);
    }
    break;
  }
  if (records_->has_unsent()) records_->Flush();  // the answer to a key update
  records_->ReleaseIfEmpty();
  if (got > 0) return {IoState::kOk, 0, got};  // an end or an error is told by the next call
  return result;
}

IoResult TlsStream::TryWrite(const struct iovec* from, int count) {
  if (failed_ || closed_ || write_ended_) return {IoState::kError, records_->lower_error()};
  if (records_->has_unsent()) {
    const IoResult sent = records_->Flush();
    if (sent.state == IoState::kError) return Fail(SSL_ERROR_SYSCALL);
    if (sent.state != IoState::kOk) return sent;
  }
  if (!lower_->MayWrite()) return {IoState::kWouldBlock};
  size_t total = 0;
  for (int i = 0; i < count; ++i) total += from[i].iov_len;
  const size_t limit = std::min(total, kMaxWrite);
  if (limit == 0) return {IoState::kOk};
  ERR_clear_error();
  if (limit > kRecord) records_->Cork();
  bool write_failed = false;
  const size_t written = WriteRecords(from, count, limit, write_failed);
  records_->Uncork();
  if (write_failed) return Fail(SSL_ERROR_SYSCALL);
  if (records_->has_unsent() && records_->Flush().state == IoState::kError) return Fail(SSL_ERROR_SYSCALL);
  return {IoState::kOk, 0, written};
}

// Small pieces are put together, so that a head and the beginning of its body are one record.
size_t TlsStream::WriteRecords(const struct iovec* from, int count, size_t limit, bool& failed) {
  base::BufferRef scratch;
  size_t written = 0;
  int piece = 0;
  size_t offset = 0;  // within from[piece]
  while (written < limit) {
    while (offset == from[piece].iov_len) {
      ++piece;
      offset = 0;
    }
    const size_t wanted = std::min(limit - written, kRecord);
    const char* bytes = static_cast<const char*>(from[piece].iov_base) + offset;
    size_t size = std::min(from[piece].iov_len - offset, wanted);
    if (size < wanted) {
      if (!scratch) scratch = BufferPool::ForThisThread().Take(limit);
      size = 0;
      while (size < wanted && piece < count) {
        const size_t n = std::min(from[piece].iov_len - offset, wanted - size);
        std::memcpy(scratch.data() + size, static_cast<const char*>(from[piece].iov_base) + offset, n);
        size += n;
        offset += n;
        if (offset == from[piece].iov_len && size < wanted) {
          ++piece;
          offset = 0;
        }
      }
      bytes = scratch.data();
    } else {
      offset += size;
    }
    const int n = SSL_write(ssl_, bytes, static_cast<int>(size));
    if (n != static_cast<int>(size)) {  // RecordIo takes everything, so anything else is an error
      failed = true;
      return written;
    }
    written += size;
  }
  return written;
}

bool TlsStream::MayRead() const {
  return failed_ || ended_ || closed_ || records_->has_unread() || SSL_pending(ssl_) > 0 ||
         records_->lower_ended() || lower_->MayRead();
}

bool TlsStream::MayWrite() const { return failed_ || closed_ || write_ended_ || lower_->MayWrite(); }

IoResult TlsStream::Flush() {
  if (failed_ || closed_) return {IoState::kError, records_->lower_error()};
  const IoResult sent = records_->Flush();
  if (sent.state == IoState::kError) return Fail(SSL_ERROR_SYSCALL);
  if (sent.state == IoState::kOk && shutdown_due_) {
    shutdown_due_ = false;
    lower_->ShutdownWrite();
  }
  return sent;
}

void TlsStream::ShutdownWrite() {
  if (failed_ || closed_ || write_ended_) return;
  write_ended_ = true;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  shutdown_due_ = true;
  Flush();
}

void TlsStream::Close() {
  if (closed_) return;
  if (established_ && !failed_ && !write_ended_ && !records_->has_unsent()) {
    ERR_clear_error();
    SSL_shutdown(ssl_);  // one try: the peer shall not take this for a truncation
  }
  closed_ = true;
  ERR_clear_error();
  lower_->SetObserver(nullptr);
  lower_->Close();
}

void TlsStream::Reset() {
  failed_ = true;
  lower_->SetObserver(nullptr);
  lower_->Reset();
}

bool TlsStream::PeerHasClosed() {
  if (failed_ || ended_ || closed_) return true;
  if (!MayRead()) return lower_->PeerHasClosed();
  // Something came. A session ticket or a key update is no reason to give the connection up.
  ERR_clear_error();
  char byte;
  const int n = SSL_peek(ssl_, &byte, 1);
  if (n <= 0) {
    const int error = SSL_get_error(ssl_, n);
    if (error == SSL_ERROR_ZERO_RETURN) ended_ = true;
    else if (error != SSL_ERROR_WANT_READ) Fail(error);
  }
  if (records_->has_unsent()) records_->Flush();
  records_->ReleaseIfEmpty();
  return failed_ || ended_ || (n <= 0 && lower_->PeerHasClosed());
}

std::string TlsStream::ErrorText() const {
  if (!fault_) return lower_->ErrorText();
  std::string text = "TLS: " + std::string(Name(fault_.fault));
  return fault_.text.empty() ? text : text + ": " + fault_.text;
}

void TlsStream::OnReadable() { WakeReader(); }

void TlsStream::OnWritable() {
  if (records_->has_unsent() || shutdown_due_) {
    if (Flush().state == IoState::kWouldBlock) return;
  }
  WakeWriter();
}

const ChainVerifier* TlsStream::verifier() const {
  return server_ != nullptr ? server_->verifier_.get() : client_->verifier_.get();
}

int64_t TlsStream::WallSeconds() const { return reactor_.clock().WallMicros() / 1'000'000; }

std::string_view TlsStream::peer_uri() const {
  return peer_ != nullptr && peer_->verified ? std::string_view(peer_->uri) : std::string_view();
}
const std::string& TlsStream::local_uri() const {
  return server_ != nullptr ? server_->local_uri() : client_->local_uri();
}
std::string_view TlsStream::version() const { return SSL_get_version(ssl_); }
std::string_view TlsStream::cipher() const {
  const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_);
  return cipher == nullptr ? "" : SSL_CIPHER_standard_name(cipher);
}
std::string_view TlsStream::group() const {
  const char* name = SSL_get_group_name(SSL_get_group_id(ssl_));
  return name == nullptr ? "" : name;
}
bool TlsStream::resumed() const { return SSL_session_reused(ssl_) != 0; }

}  // namespace weft::tls
