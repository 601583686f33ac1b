// How the proxy's own sockets are told apart from the application's, so that capture rules let them pass: SO_MARK where
// the process may set it (CAP_NET_ADMIN), else SO_PRIORITY, which needs no capability (nftables: `meta priority 0:5`).
// Nothing may set IP_TOS on such a socket afterwards: it overwrites the priority. Any thread.
//
// There are two kinds, because a pod may call its own service: its outbound side then dials an address of its own pod,
// which must pass its inbound side (proxy/capture redirects that one connection), while the inbound side dials the same
// address and must reach the application.
#ifndef WEFT_PROXY_NET_OWN_TRAFFIC_H_
#define WEFT_PROXY_NET_OWN_TRAFFIC_H_

#include <cstdint>

namespace weft::net {

inline constexpr uint32_t kOwnTrafficMark = 0x77656674;  // "weft"
inline constexpr uint32_t kStraightTrafficMark = 0x77656675;
// IP_TOS never gives these two (Linux: rt_tos2priority), and everyone may set them.
inline constexpr int kOwnTrafficPriority = 5;
inline constexpr int kStraightTrafficPriority = 3;

enum class OwnTraffic : uint8_t {
  kToPeer,    // to an endpoint that was chosen; in the own pod it passes the inbound side
  kStraight,  // to where the client was going (ORIGINAL_DST): never captured
};

// Marks one socket, before it connects.
void MarkOwnTraffic(int fd, OwnTraffic kind = OwnTraffic::kToPeer);

}  // namespace weft::net

#endif  // WEFT_PROXY_NET_OWN_TRAFFIC_H_
