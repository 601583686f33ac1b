#include "proxy/tls/stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "pki/x509.h"
#include "proxy/tls/record_io.h"
#include "proxy/tls/session_cache.h"
#include "proxy/tls/verifier.h"

namespace weft::tls {
namespace {

using base::BufferPool;
using net::IoResult;
using net::IoState;

constexpr size_t kRecord = SSL3_RT_MAX_PLAIN_LENGTH;  // 16384
constexpr size_t kMaxWrite = 4 * kRecord;

Fault FaultOfReason(int reason) {
  switch (reason) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return Fault::kNoCertificate;
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER: return Fault::kNotTls;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUP:
    case SSL_R_NO_COMMON_SIGNATURE_ALGORITHMS:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_NO_CIPHERS_AVAILABLE: return Fault::kNothingInCommon;
    default: return Fault::kProtocol;
  }
}

// What the thread's error queue says, if the TLS library has said anything.
FaultReport FaultOfQueue() {
  const uint32_t code = ERR_peek_error();
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return {};
  const int reason = ERR_GET_REASON(code);
  if (reason >= SSL_AD_REASON_OFFSET) {
    return {Fault::kRefusedByPeer, std::string("the peer sent the alert \"") +
                                       SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET) + "\""};
  }
  const Fault fault = FaultOfReason(reason);
  return {fault, pki::TakeSslError()};
}

}  // namespace

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

// A refusal is understood only with both identities: the one that was shown and the one that was wanted.
void TlsStream::NameTheEnds() {
  const std::string wanted = verifier() == nullptr ? "" : verifier()->Wanted();
  if (fault_.fault == Fault::kNoCertificate) {
    fault_.text = "the client gave none; wanted " + (wanted.empty() ? "one of a trusted issuer" : wanted);
  } else if (fault_.fault == Fault::kRefusedByPeer) {
    fault_.text += local_uri().empty() ? "; we showed no identity" : "; we are " + local_uri();
    if (peer_ != nullptr && !peer_->uri.empty())
      fault_.text += ", the peer " + peer_->uri;
    else if (!wanted.empty())
      fault_.text += ", the peer should be " + wanted;
  }
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
  NameTheEnds();
  failed_ = true;
  records_->Flush();
  ERR_clear_error();
  return {IoState::kError, records_->lower_error()};
}

IoResult TlsStream::TryRead(char* into, size_t size) {
  if (failed_ || closed_) return {IoState::kError, records_->lower_error()};
  if (ended_) return {IoState::kEof};
  size_t got = 0;
  IoResult result{IoState::kWouldBlock};
  while (got < size) {
    const int room = static_cast<int>(std::min<size_t>(size - got, kMaxWrite));
    const int n = SSL_read(ssl_, into + got, room);  // it clears the error queue itself
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
        if (n > 0) std::memcpy(scratch.data() + size, static_cast<const char*>(from[piece].iov_base) + offset, n);
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
  return failed_ || ended_ || closed_ || records_->has_unread() || SSL_pending(ssl_) > 0 || records_->lower_ended() ||
         lower_->MayRead();
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
    if (error == SSL_ERROR_ZERO_RETURN)
      ended_ = true;
    else if (error != SSL_ERROR_WANT_READ)
      Fail(error);
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

std::string TlsStream::PeerChainPem() const {
  std::string pem;
  const STACK_OF(CRYPTO_BUFFER)* chain = SSL_get0_peer_certificates(ssl_);
  for (size_t i = 0; chain != nullptr && i < sk_CRYPTO_BUFFER_num(chain); ++i) {
    bssl::UniquePtr<X509> certificate(X509_parse_from_buffer(sk_CRYPTO_BUFFER_value(chain, i)));
    auto block = certificate ? pki::CertificatePem(certificate.get()) : pki::SslError("certificate");
    if (block.ok()) pem += *block;
  }
  return pem;
}

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
