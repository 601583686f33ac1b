// TlsStream: a ByteStream that speaks TLS over another one. Accept and Connect do the handshake and give a stream whose
// peer is known and checked; from then on it is used like a socket.
//
// End of stream: close_notify is kEof; a connection that just ends is kError (Fault::kTruncated), so that a body that
// ends with its connection cannot be cut short unseen. ShutdownWrite sends close_notify and ends the lower stream's
// sending direction; reading goes on. Key updates and new session tickets are handled inside. One thread.
//
// Memory of an idle connection: this object and BoringSSL's about 6 kB; no buffer.
#ifndef WEFT_PROXY_TLS_STREAM_H_
#define WEFT_PROXY_TLS_STREAM_H_

#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/buffer.h"
#include "proxy/base/result.h"
#include "proxy/net/byte_stream.h"
#include "proxy/runtime/reactor.h"
#include "proxy/runtime/task.h"
#include "proxy/tls/context.h"
#include "proxy/tls/fault.h"
#include "proxy/tls/peer.h"

struct ssl_st;

namespace weft::tls {

class RecordIo;
struct SessionKey;

struct ConnectOptions {
  std::string sni;     // instead of the context's; both empty: none is sent
  bool resume = true;  // try a session that this thread keeps for the endpoint

  // Of a connection to the endpoint with this host name ("": none): auto_host_sni. `context` may be null.
  static ConnectOptions For(const ClientContext* context, const std::string& hostname) {
    ConnectOptions options;
    if (context != nullptr && context->auto_host_sni()) options.sni = hostname;
    return options;
  }
};

class TlsStream final : public net::ByteStream, private net::ByteStream::ReadinessObserver {
 public:
  using Handshaken = base::Result<std::unique_ptr<TlsStream>>;

  // `prefix` is what detect/ has read of the ClientHello. `deadline` is absolute. On failure the peer has been sent an
  // alert where TLS has one, and the lower stream is closed.
  static runtime::Task<Handshaken> Accept(runtime::Reactor& reactor, std::unique_ptr<net::ByteStream> lower,
                                          std::shared_ptr<const ServerContext> context, base::ByteChain prefix,
                                          runtime::TimePoint deadline);
  static runtime::Task<Handshaken> Connect(runtime::Reactor& reactor, std::unique_ptr<net::ByteStream> lower,
                                           std::shared_ptr<const ClientContext> context, ConnectOptions options,
                                           runtime::TimePoint deadline);
  ~TlsStream() override;

  net::IoResult TryRead(char* into, size_t size) override;
  using ByteStream::TryWrite;
  // Takes at most 64 KiB of `from` at once.
  net::IoResult TryWrite(const struct iovec* from, int count) override;
  bool MayRead() const override;
  bool MayWrite() const override;
  net::IoResult Flush() override;
  void ShutdownWrite() override;
  void Close() override;
  void Reset() override;
  bool PeerHasClosed() override;
  bool PeerHasFinished() const override { return ended_ || lower_->PeerHasFinished(); }
  const net::Address& peer_address() const override { return lower_->peer_address(); }
  const net::Address& local_address() const override { return lower_->local_address(); }
  std::string ErrorText() const override;
  void SetHangupListener(HangupListener* listener) override { lower_->SetHangupListener(listener); }

  // Facts of the handshake. `peer` is null when the peer gave no certificate.
  const PeerIdentity* peer() const { return peer_.get(); }
  // The certificates that the peer showed, leaf first, as PEM; "" when it showed none. Checked only if
  // peer()->verified.
  std::string PeerChainPem() const;
  // The verified peer's URI SAN, or "".
  std::string_view peer_uri() const;
  const std::string& local_uri() const;
  const std::string& alpn() const { return alpn_; }
  const std::string& server_name() const { return server_name_; }
  std::string_view version() const;  // "TLSv1.3"
  std::string_view cipher() const;   // "TLS_AES_128_GCM_SHA256"
  std::string_view group() const;    // "X25519MLKEM768"
  bool resumed() const;
  const FaultReport& fault() const { return fault_; }

 private:
  friend struct StreamCallbacks;
  TlsStream(runtime::Reactor& reactor, std::unique_ptr<net::ByteStream> lower, Side side, base::ByteChain prefix);

  void OnReadable() override;
  void OnWritable() override;

  runtime::Task<Handshaken> static Run(std::unique_ptr<TlsStream> stream, runtime::TimePoint deadline);
  runtime::Task<base::Status> Handshake(struct HandshakeState& state);
  base::Status FinishHandshake();
  base::Failure HandshakeFailure(int ssl_error);
  FaultReport FaultOfError(int ssl_error) const;
  void NameTheEnds();
  net::IoResult Fail(int ssl_error);
  const class ChainVerifier* verifier() const;
  int64_t WallSeconds() const;
  size_t WriteRecords(const struct iovec* from, int count, size_t limit, bool& failed);

  runtime::Reactor& reactor_;
  std::unique_ptr<net::ByteStream> lower_;
  const Side side_;
  std::shared_ptr<const ServerContext> server_;  // exactly one of the two
  std::shared_ptr<const ClientContext> client_;
  std::unique_ptr<RecordIo> records_;
  std::unique_ptr<SessionKey> session_key_;  // client, while sessions are wanted
  ssl_st* ssl_ = nullptr;
  std::unique_ptr<PeerIdentity> peer_;
  std::string alpn_;
  std::string server_name_;
  FaultReport fault_;
  bool established_ = false;
  bool ended_ = false;  // close_notify came
  bool failed_ = false;
  bool write_ended_ = false;   // ShutdownWrite was called
  bool shutdown_due_ = false;  // the lower stream's sending direction ends once all is flushed
  bool closed_ = false;
};

}  // namespace weft::tls

#endif  // WEFT_PROXY_TLS_STREAM_H_
