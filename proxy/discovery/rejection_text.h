// What a NACK says: each refused resource with its reason, bounded in length. Pure.
#ifndef WEFT_PROXY_DISCOVERY_REJECTION_TEXT_H_
#define WEFT_PROXY_DISCOVERY_REJECTION_TEXT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "proxy/discovery/resource_sink.h"

namespace weft::discovery {

// gRPC sends errors in requests of any length, but servers log them, and some print them: a few kilobytes are enough.
inline constexpr size_t kMaxRejectionBytes = 4096;

// "cluster \"web\": connect_timeout: …; cluster \"api\": …; and 3 more". Never empty when there is a rejection.
std::string RejectionText(ResourceType type, const std::vector<Rejection>& rejections);

}  // namespace weft::discovery

#endif  // WEFT_PROXY_DISCOVERY_REJECTION_TEXT_H_
