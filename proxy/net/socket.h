// Descriptors and the socket calls of the proxy, each with the options that this proxy always wants. Any thread.
#ifndef WEFT_PROXY_NET_SOCKET_H_
#define WEFT_PROXY_NET_SOCKET_H_

#include <optional>
#include <string>
#include <utility>

#include "proxy/base/address.h"
#include "proxy/base/result.h"
#include "proxy/net/own_traffic.h"

namespace weft::net {

using Address = base::Address;

// Owns a descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) Reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { Reset(); }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset(int fd = -1);

 private:
  int fd_ = -1;
};

struct ListenOptions {
  bool reuse_port = true;
  bool transparent = false;  // IP_TRANSPARENT, for TPROXY
  int backlog = 4096;
};

// A non-blocking socket that is bound, and not listening yet. IPv6 sockets are v6-only.
base::Result<Fd> Bind(const Address& address, const ListenOptions& options);
// The same, listening.
base::Result<Fd> Listen(const Address& address, const ListenOptions& options);

struct DialOptions {
  bool own_traffic = true;  // marked so that capture rules let it pass (proxy/net/own_traffic.h)
  OwnTraffic kind = OwnTraffic::kToPeer;
  std::optional<Address> source{};  // bind here first
};

// Starts a non-blocking connect; the socket becomes writable when it is decided. Failures that are known at once (no
// descriptor, no route) come as Result.
base::Result<Fd> StartConnect(const Address& to, const DialOptions& options);

// The outcome of a connect whose socket became writable: 0 or errno.
int ConnectError(int fd);

// Where the client was going before nftables redirected it here; nullopt when nothing was redirected (SO_ORIGINAL_DST).
std::optional<Address> OriginalDestination(int fd);

Address LocalAddress(int fd);
Address PeerAddress(int fd);

// errno → the failure of a connect.
base::Failure ConnectFailure(int error, const Address& to);

}  // namespace weft::net

#endif  // WEFT_PROXY_NET_SOCKET_H_
