#include "proxy/net/own_traffic.h"

#include <sys/socket.h>

#include <atomic>

namespace weft::net {

void MarkOwnTraffic(int fd, OwnTraffic kind) {
  static std::atomic<bool> may_mark{true};  // learnt at the first refusal: one call per socket, not two
  if (may_mark.load(std::memory_order_relaxed)) {
    const uint32_t mark = kind == OwnTraffic::kStraight ? kStraightTrafficMark : kOwnTrafficMark;
    if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0) return;
    may_mark.store(false, std::memory_order_relaxed);
  }
  const int priority = kind == OwnTraffic::kStraight ? kStraightTrafficPriority : kOwnTrafficPriority;
  setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof priority);
}

}  // namespace weft::net
