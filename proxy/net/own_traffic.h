// How the proxy's own sockets are told apart from the application's, so that capture rules let them pass: SO_MARK where the
// process may set it (CAP_NET_ADMIN), else SO_PRIORITY, which needs no capability (nftables: `meta priority 0:5`). Nothing may
// set IP_TOS on such a socket afterwards: it overwrites the priority. Any thread.
#ifndef WEFT_PROXY_NET_OWN_TRAFFIC_H_
#define WEFT_PROXY_NET_OWN_TRAFFIC_H_

#include <cstdint>

namespace weft::net {

inline constexpr uint32_t kOwnTrafficMark = 0x77656674;  // "weft"
inline constexpr int kOwnTrafficPriority = 5;

// Marks one socket, before it connects.
void MarkOwnTraffic(int fd);

}  // namespace weft::net

#endif  // WEFT_PROXY_NET_OWN_TRAFFIC_H_
