#include "proxy/net/socket_stream.h"

#include <errno.h>
#include <sys/socket.h>

#include <chrono>
#include <cstring>
#include <utility>

#include "proxy/runtime/wait.h"

namespace weft::net {
namespace {

constexpr runtime::Duration kAskAgain = std::chrono::milliseconds(10);

}  // namespace

SocketStream::SocketStream(runtime::Reactor& reactor, Fd fd, Address peer, bool connected)
    : reactor_(reactor), fd_(std::move(fd)), may_write_(connected), peer_(peer) {}

base::Result<std::unique_ptr<SocketStream>> SocketStream::Adopt(runtime::Reactor& reactor, Fd fd, Address peer) {
  std::unique_ptr<SocketStream> stream(new SocketStream(reactor, std::move(fd), peer, /*connected=*/true));
  if (const int error = reactor.Add(stream->fd(), stream.get()); error != 0) {
    base::Failure failure;
    failure.kind = base::FailureKind::kOutOfResources;
    failure.detail = std::string("epoll: ") + std::strerror(error);
    return failure;
  }
  return stream;
}

SocketStream::~SocketStream() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  Close();
}

void SocketStream::OnEvents(uint32_t events) {
  const bool broken = (events & (EPOLLHUP | EPOLLERR)) != 0;
  const bool finished = (events & EPOLLRDHUP) != 0 && !std::exchange(peer_finished_, true);
  if (broken) hung_up_ = true;
  if ((events & EPOLLPRI) != 0) urgent_ = true;
  if (broken || (events & (EPOLLIN | EPOLLRDHUP | EPOLLPRI)) != 0) may_read_ = true;
  if (broken || (events & EPOLLOUT) != 0) may_write_ = true;
  // Each call may destroy this stream.
  bool destroyed = false;
  destroyed_ = &destroyed;
  if (broken) {
    TellHangup();
    if (destroyed) return;
  } else if (finished) {
    TellPeerFinished();
  }
  if (may_read_) {
    WakeReader();
    if (destroyed) return;
  }
  if (may_write_) {
    WakeWriter();
    if (destroyed) return;
  }
  destroyed_ = nullptr;
}

IoResult SocketStream::Failed(int error) {
  error_ = error;
  return {IoState::kError, error};
}

IoResult SocketStream::TryRead(char* into, size_t size) {
  if (!may_read_) return {IoState::kWouldBlock};
  if (read_failed_) return {IoState::kError, error_};
  for (;;) {
    const ssize_t got = recv(fd_.get(), into, size, 0);
    if (got > 0) {
      if (static_cast<size_t>(got) < size && !peer_finished_ && !hung_up_ && !urgent_) may_read_ = false;
      return {IoState::kOk, 0, static_cast<size_t>(got)};
    }
    if (got == 0) {
      peer_finished_ = true;
      return {IoState::kEof};
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      may_read_ = false;
      return {IoState::kWouldBlock};
    }
    read_failed_ = true;
    return Failed(errno);
  }
}

IoResult SocketStream::TryWrite(const struct iovec* from, int count) {
  if (!may_write_) return {IoState::kWouldBlock};
  size_t wanted = 0;
  for (int i = 0; i < count; ++i) wanted += from[i].iov_len;
  for (;;) {
    ssize_t sent;
    if (count == 1) {
      sent = send(fd_.get(), from[0].iov_base, from[0].iov_len, MSG_NOSIGNAL);
    } else {
      msghdr message{};
      message.msg_iov = const_cast<struct iovec*>(from);
      message.msg_iovlen = static_cast<size_t>(count);
      sent = sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    }
    if (sent >= 0) {
      if (static_cast<size_t>(sent) < wanted) may_write_ = false;
      return {IoState::kOk, 0, static_cast<size_t>(sent)};
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      may_write_ = false;
      return {IoState::kWouldBlock};
    }
    return Failed(errno);
  }
}

void SocketStream::ShutdownWrite() {
  if (fd_.valid()) shutdown(fd_.get(), SHUT_WR);
}

void SocketStream::Close() {
  if (!fd_.valid()) return;
  fd_.Reset();
  reactor_.Remove(-1, this);
  may_read_ = may_write_ = true;  // a waiter that comes now gets the error at once
}

void SocketStream::Reset() {
  if (!fd_.valid()) return;
  const linger abort_now = {1, 0};
  setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &abort_now, sizeof abort_now);
  Close();
}

Fd SocketStream::ReleaseFd() {
  reactor_.Remove(fd_.get(), this);
  return std::move(fd_);
}

bool SocketStream::PeerHasClosed() {
  if (!fd_.valid() || peer_finished_ || hung_up_) return true;
  char byte;
  const ssize_t got = recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

const Address& SocketStream::local_address() const {
  if (!local_.valid() && fd_.valid()) local_ = LocalAddress(fd_.get());
  return local_;
}

std::string SocketStream::ErrorText() const { return error_ == 0 ? "closed" : std::strerror(error_); }

runtime::Task<base::Result<std::unique_ptr<ByteStream>>> Dial(runtime::Reactor& reactor, Address to,
                                                              DialOptions options) {
  base::Result<Fd> fd = StartConnect(to, options);
  // Nothing tells when the queue of a unix socket has room again; the caller's deadline ends the asking.
  while (!fd.ok() && fd.failure().kind == base::FailureKind::kOverflow) {
    co_await runtime::SleepUntil(reactor, reactor.now() + kAskAgain);
    fd = StartConnect(to, options);
  }
  if (!fd.ok()) co_return std::move(fd).failure();
  std::unique_ptr<SocketStream> stream(new SocketStream(reactor, std::move(*fd), to, /*connected=*/false));
  if (const int error = reactor.Add(stream->fd(), stream.get()); error != 0) co_return ConnectFailure(error, to);
  co_await stream->Writable();
  if (const int error = ConnectError(stream->fd()); error != 0) co_return ConnectFailure(error, to);
  co_return std::unique_ptr<ByteStream>(std::move(stream));
}

}  // namespace weft::net
