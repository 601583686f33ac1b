// ByteStream: a connection as the rest of the proxy sees it: a socket, TLS over one, or a pair in memory that tests
// break on purpose. Try first, wait only after kWouldBlock. One thread; one reader and one writer at a time.
//
//   for (;;) {
//     IoResult got = stream.TryRead(buffer, size);
//     if (got.state == IoState::kWouldBlock) { co_await stream.Readable(); continue; }
//     …
#ifndef WEFT_PROXY_NET_BYTE_STREAM_H_
#define WEFT_PROXY_NET_BYTE_STREAM_H_

#include <sys/uio.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <string>

#include "proxy/base/address.h"
#include "proxy/base/check.h"

namespace weft::net {

using Address = base::Address;

enum class IoState : uint8_t {
  kOk,          // bytes moved
  kWouldBlock,  // wait for readiness
  kEof,         // reading: the peer has finished sending
  kError,       // `error` says why; the stream is of no more use
};

struct IoResult {
  IoState state;
  int error = 0;     // errno, or 0 when the layer (TLS) has no errno; see ErrorText()
  size_t bytes = 0;  // with kOk: more than 0
};

class ByteStream {
 public:
  class ReadableAwaiter;
  class WritableAwaiter;

  // Told once when the peer is gone for good (reset, or both directions closed), from the top of the loop.
  class HangupListener {
   public:
    virtual void OnHangup() = 0;
    // The peer has finished sending; what it sent before may still have to be read. It may go on reading, or be gone:
    // only sending tells.
    virtual void OnPeerFinished() {}

   protected:
    ~HangupListener() = default;
  };

  // A layer on top (TLS) instead of a coroutine: told at each readiness, from the top of the loop. May destroy the
  // stream.
  class ReadinessObserver {
   public:
    virtual void OnReadable() = 0;
    virtual void OnWritable() = 0;

   protected:
    ~ReadinessObserver() = default;
  };

  ByteStream() = default;
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;
  virtual ~ByteStream() { WEFT_CHECK(read_waiter_ == nullptr && write_waiter_ == nullptr); }

  virtual IoResult TryRead(char* into, size_t size) = 0;
  virtual IoResult TryWrite(const struct iovec* from, int count) = 0;
  IoResult TryWrite(const char* from, size_t size) {
    const struct iovec one = {const_cast<char*>(from), size};
    return TryWrite(&one, 1);
  }

  // False when TryRead / TryWrite would certainly block.
  virtual bool MayRead() const = 0;
  virtual bool MayWrite() const = 0;
  // Bytes that the layer itself still has to send (TLS records). Flush() tries; kOk means all is gone.
  virtual IoResult Flush() { return {IoState::kOk}; }

  // Ends our sending direction (FIN, or close_notify and FIN).
  virtual void ShutdownWrite() = 0;
  // Ends both directions at once; unsent bytes may be lost. The destructor does the same.
  virtual void Close() = 0;
  // Ends both directions with a RST, where the layer has one.
  virtual void Reset() = 0;

  // True once the peer has reset the connection, or closed it while nothing was read: never write a new request then.
  // For a pooled connection this is a cheap look (one recv with MSG_PEEK at most) and settles the keep-alive race as
  // far as it can be settled before writing.
  virtual bool PeerHasClosed() = 0;
  // True once it is known that the peer has finished sending, whether or not everything was read.
  virtual bool PeerHasFinished() const { return false; }

  virtual const Address& peer_address() const = 0;
  virtual const Address& local_address() const = 0;
  // Text for the last kError.
  virtual std::string ErrorText() const = 0;

  virtual void SetHangupListener(HangupListener* listener) { hangup_listener_ = listener; }
  void SetObserver(ReadinessObserver* observer) { observer_ = observer; }

  // co_await these; they resume when a Try… may make progress, or the stream failed or ended.
  ReadableAwaiter Readable();
  WritableAwaiter Writable();

 protected:
  friend class ReadableAwaiter;
  friend class WritableAwaiter;

  // Called by the implementation from the top of the loop, as its last act on `this`: they may destroy the stream.
  void WakeReader();
  void WakeWriter();
  void TellHangup();
  void TellPeerFinished() {
    if (hangup_listener_ != nullptr) hangup_listener_->OnPeerFinished();
  }

 private:
  ReadableAwaiter* read_waiter_ = nullptr;
  WritableAwaiter* write_waiter_ = nullptr;
  HangupListener* hangup_listener_ = nullptr;
  ReadinessObserver* observer_ = nullptr;
};

class [[nodiscard]] ByteStream::ReadableAwaiter {
 public:
  explicit ReadableAwaiter(ByteStream& stream) : stream_(stream) {}
  ReadableAwaiter(const ReadableAwaiter&) = delete;
  ~ReadableAwaiter() {
    if (stream_.read_waiter_ == this) stream_.read_waiter_ = nullptr;
  }
  bool await_ready() const { return stream_.MayRead(); }
  void await_suspend(std::coroutine_handle<> caller) {
    WEFT_CHECK(stream_.read_waiter_ == nullptr);
    caller_ = caller;
    stream_.read_waiter_ = this;
  }
  void await_resume() const {}

 private:
  friend class ByteStream;
  ByteStream& stream_;
  std::coroutine_handle<> caller_;
};

class [[nodiscard]] ByteStream::WritableAwaiter {
 public:
  explicit WritableAwaiter(ByteStream& stream) : stream_(stream) {}
  WritableAwaiter(const WritableAwaiter&) = delete;
  ~WritableAwaiter() {
    if (stream_.write_waiter_ == this) stream_.write_waiter_ = nullptr;
  }
  bool await_ready() const { return stream_.MayWrite(); }
  void await_suspend(std::coroutine_handle<> caller) {
    WEFT_CHECK(stream_.write_waiter_ == nullptr);
    caller_ = caller;
    stream_.write_waiter_ = this;
  }
  void await_resume() const {}

 private:
  friend class ByteStream;
  ByteStream& stream_;
  std::coroutine_handle<> caller_;
};

inline ByteStream::ReadableAwaiter ByteStream::Readable() { return ReadableAwaiter(*this); }
inline ByteStream::WritableAwaiter ByteStream::Writable() { return WritableAwaiter(*this); }

inline void ByteStream::WakeReader() {
  if (observer_ != nullptr) {
    observer_->OnReadable();
    return;
  }
  if (ReadableAwaiter* waiter = read_waiter_; waiter != nullptr) {
    read_waiter_ = nullptr;
    waiter->caller_.resume();
  }
}
inline void ByteStream::WakeWriter() {
  if (observer_ != nullptr) {
    observer_->OnWritable();
    return;
  }
  if (WritableAwaiter* waiter = write_waiter_; waiter != nullptr) {
    write_waiter_ = nullptr;
    waiter->caller_.resume();
  }
}
inline void ByteStream::TellHangup() {
  if (HangupListener* listener = hangup_listener_; listener != nullptr) {
    hangup_listener_ = nullptr;
    listener->OnHangup();
  }
}

}  // namespace weft::net

#endif  // WEFT_PROXY_NET_BYTE_STREAM_H_
