#include "proxy/net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cstring>

#include "proxy/net/own_traffic.h"

namespace weft::net {
namespace {

void SetInt(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); }

base::Failure SystemFailure(const char* what, int error, const Address& address) {
  base::Failure failure;
  failure.kind = error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS
                     ? base::FailureKind::kOutOfResources
                     : base::FailureKind::kIoError;
  failure.phase = base::Phase::kConnect;
  failure.retry = base::RetrySafety::kNotSent;
  failure.detail = std::string(what) + " " + address.ToString() + ": " + std::strerror(error);
  return failure;
}

}  // namespace

void Fd::Reset(int fd) {
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

base::Result<Fd> Bind(const Address& address, const ListenOptions& options) {
  Fd fd(socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return SystemFailure("socket for", errno, address);
  if (address.is_ip()) {
    SetInt(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (options.reuse_port) SetInt(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    if (address.family() == AF_INET6) SetInt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (options.transparent) {
      const bool v6 = address.family() == AF_INET6;
      SetInt(fd.get(), v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TRANSPARENT : IP_TRANSPARENT, 1);
    }
    // Accepted sockets inherit these.
    SetInt(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    SetInt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
  }
  if (bind(fd.get(), address.raw(), address.raw_size()) != 0) return SystemFailure("bind", errno, address);
  return fd;
}

base::Result<Fd> Listen(const Address& address, const ListenOptions& options) {
  auto bound = Bind(address, options);
  if (!bound.ok()) return bound;
  Fd fd = std::move(*bound);
  if (listen(fd.get(), options.backlog) != 0) return SystemFailure("listen on", errno, address);
  return fd;
}

base::Result<Fd> StartConnect(const Address& to, const DialOptions& options) {
  Fd fd(socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return SystemFailure("socket for", errno, to);
  if (to.is_ip()) {
    SetInt(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    SetInt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
    if (options.own_traffic) MarkOwnTraffic(fd.get(), options.kind);
  }
  if (options.source && bind(fd.get(), options.source->raw(), options.source->raw_size()) != 0) {
    return SystemFailure("bind source", errno, *options.source);
  }
  if (connect(fd.get(), to.raw(), to.raw_size()) != 0 && errno != EINPROGRESS) return ConnectFailure(errno, to);
  return fd;
}

int ConnectError(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

std::optional<Address> OriginalDestination(int fd) {
  sockaddr_storage storage;
  socklen_t size = sizeof storage;
  auto* raw = reinterpret_cast<sockaddr*>(&storage);
  const Address local = LocalAddress(fd);
  const bool v4 = local.family() == AF_INET;
  const int level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
  const int option = v4 ? SO_ORIGINAL_DST : IP6T_SO_ORIGINAL_DST;
  if (getsockopt(fd, level, option, raw, &size) != 0) return std::nullopt;
  // The kernel leaves `size` as it was.
  Address original = Address::FromSockaddr(raw, v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
  if (original == local) return std::nullopt;
  return original;
}

Address LocalAddress(int fd) {
  sockaddr_storage storage;
  socklen_t size = sizeof storage;
  auto* raw = reinterpret_cast<sockaddr*>(&storage);
  if (getsockname(fd, raw, &size) != 0) return Address();
  return Address::FromSockaddr(raw, size);
}

Address PeerAddress(int fd) {
  sockaddr_storage storage;
  socklen_t size = sizeof storage;
  auto* raw = reinterpret_cast<sockaddr*>(&storage);
  if (getpeername(fd, raw, &size) != 0) return Address();
  return Address::FromSockaddr(raw, size);
}

base::Failure ConnectFailure(int error, const Address& to) {
  if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM)
    return SystemFailure("connect", error, to);
  base::Failure failure;
  failure.kind = error == EAGAIN && !to.is_ip() ? base::FailureKind::kOverflow  // the unix socket's queue is full
                 : error == ECONNREFUSED        ? base::FailureKind::kConnectRefused
                 : error == ETIMEDOUT           ? base::FailureKind::kConnectTimeout
                                                : base::FailureKind::kConnectFailed;
  failure.origin = base::Origin::kUpstream;
  failure.phase = base::Phase::kConnect;
  failure.retry = base::RetrySafety::kNotSent;
  failure.detail = "connect to " + to.ToString() + ": " + std::strerror(error);
  return failure;
}

}  // namespace weft::net
