// SocketStream: a ByteStream over a connected (or connecting) socket. Registered once, edge-triggered; reads only when
// readiness is known: a short read means that the socket is drained, unless a hang-up was seen.
#ifndef WEFT_PROXY_NET_SOCKET_STREAM_H_
#define WEFT_PROXY_NET_SOCKET_STREAM_H_

#include <memory>

#include "proxy/net/byte_stream.h"
#include "proxy/net/socket.h"
#include "proxy/runtime/reactor.h"
#include "proxy/runtime/task.h"

namespace weft::net {

class SocketStream final : public ByteStream, private runtime::Watcher {
 public:
  // Takes a connected socket. kOutOfResources when epoll refuses it.
  static base::Result<std::unique_ptr<SocketStream>> Adopt(runtime::Reactor& reactor, Fd fd, Address peer);
  ~SocketStream() override;

  IoResult TryRead(char* into, size_t size) override;
  using ByteStream::TryWrite;
  IoResult TryWrite(const struct iovec* from, int count) override;
  bool MayRead() const override { return may_read_; }
  bool MayWrite() const override { return may_write_; }
  void ShutdownWrite() override;
  void Close() override;
  void Reset() override;
  bool PeerHasClosed() override;
  bool PeerHasFinished() const override { return peer_finished_; }
  const Address& peer_address() const override { return peer_; }
  const Address& local_address() const override;
  std::string ErrorText() const override;

  int fd() const { return fd_.get(); }
  // Gives the descriptor away (the stream is closed afterwards).
  Fd ReleaseFd();

 private:
  friend runtime::Task<base::Result<std::unique_ptr<ByteStream>>> Dial(runtime::Reactor& reactor, Address to,
                                                                       DialOptions options);
  SocketStream(runtime::Reactor& reactor, Fd fd, Address peer, bool connected);
  void OnEvents(uint32_t events) override;
  IoResult Failed(int error);

  runtime::Reactor& reactor_;
  Fd fd_;
  bool may_read_ = false;
  bool may_write_;
  bool peer_finished_ = false;  // EPOLLRDHUP: a FIN is in the queue behind the data
  bool hung_up_ = false;        // EPOLLHUP or EPOLLERR
  bool read_failed_ = false;    // the kernel tells an error once, and an end after that
  bool urgent_ = false;         // EPOLLPRI: recv() stops short at urgent data, so a short read does not say "drained"
  int error_ = 0;
  bool* destroyed_ = nullptr;  // set while OnEvents runs
  Address peer_;
  mutable Address local_;
};

// Connects to `to`. Cancel by destroying the task; bound it with runtime::Within.
runtime::Task<base::Result<std::unique_ptr<ByteStream>>> Dial(runtime::Reactor& reactor, Address to,
                                                              DialOptions options);

}  // namespace weft::net

#endif  // WEFT_PROXY_NET_SOCKET_STREAM_H_
