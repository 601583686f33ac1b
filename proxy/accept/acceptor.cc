#include "proxy/accept/acceptor.h"

#include <errno.h>
#include <sys/socket.h>

#include <utility>

#include "proxy/base/check.h"

namespace weft::accept {

Acceptor::Acceptor(runtime::Reactor& reactor, net::Fd listening, std::string listener, Sink& sink)
    : reactor_(reactor), fd_(std::move(listening)), listener_(std::move(listener)), sink_(sink) {}

Acceptor::~Acceptor() {
  if (started_ && fd_.valid()) reactor_.Remove(fd_.get(), this);
}

void Acceptor::Start() {
  if (started_) return;
  started_ = true;
  const int error = reactor_.Add(fd_.get(), this, EPOLLIN | EPOLLET);
  if (error != 0) sink_.OnOutOfResources(error);
  reactor_.MakeReady(this);  // what queued up before
}

void Acceptor::DrainAndClose() {
  if (!fd_.valid()) return;
  if (started_) {
    while (AcceptOne()) {
    }
    reactor_.Remove(fd_.get(), this);
  }
  fd_.Reset();
}

void Acceptor::AcceptBatch() {
  if (!fd_.valid()) return;
  for (int i = 0; i < kBatch; ++i) {
    if (!AcceptOne()) return;
  }
  reactor_.timers().Arm(this, reactor_.now());  // the next turn goes on: others have theirs first
}

bool Acceptor::AcceptOne() {
  sockaddr_storage storage;
  socklen_t size = sizeof storage;
  auto* raw = reinterpret_cast<sockaddr*>(&storage);
  const int fd = accept4(fd_.get(), raw, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    sink_.OnAccepted(listener_, Accepted{net::Fd(fd), base::Address::FromSockaddr(raw, size)});
    return true;
  }
  switch (errno) {
    case EAGAIN:
#if EAGAIN != EWOULDBLOCK
    case EWOULDBLOCK:
#endif
      return false;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
      sink_.OnOutOfResources(errno);
      reactor_.timers().Arm(this, reactor_.now() + kPause);
      return false;
    case EBADF:
    case EINVAL:
    case ENOTSOCK: WEFT_CHECK(false);
    default: return true;  // an error of that one connection (accept(2)): the next may be fine
  }
}

}  // namespace weft::accept
