// What the ADS client tells about itself: for admin, metrics and readiness. Plain values; read on the main thread.
#ifndef WEFT_PROXY_DISCOVERY_ADS_STATUS_H_
#define WEFT_PROXY_DISCOVERY_ADS_STATUS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "proxy/discovery/resource_sink.h"

namespace weft::discovery {

// Times are microseconds since 1970-01-01 UTC, 0: never.
struct TypeStatus {
  std::string accepted_version;  // the last one that was taken as a whole
  std::string received_version;  // of the last response, taken or not
  std::string nonce;             // of the last response
  size_t names = 0;              // asked for; 0 for a wildcard
  uint64_t requests = 0;         // all that were sent, answers too
  uint64_t acks = 0;
  uint64_t nacks = 0;
  std::string last_rejection;  // what the last NACK said; "" again after an ACK
  int64_t last_success = 0;    // of the last ACK
  int64_t last_failure = 0;    // of the last NACK
};

struct AdsStatus {
  std::string target;
  std::string control_plane;  // how it calls itself (DiscoveryResponse.control_plane.identifier)
  bool connected = false;     // a stream stands
  uint64_t streams = 0;       // that stood, ever
  uint64_t failures = 0;      // streams that broke or never came to stand
  std::string last_error;     // "" while a stream stands
  int64_t connected_since = 0;
  int64_t last_error_at = 0;
  int64_t last_response = 0;
  std::array<TypeStatus, kResourceTypeCount> types;

  TypeStatus& of(ResourceType type) { return types[static_cast<size_t>(type)]; }
  const TypeStatus& of(ResourceType type) const { return types[static_cast<size_t>(type)]; }
};

}  // namespace weft::discovery

#endif  // WEFT_PROXY_DISCOVERY_ADS_STATUS_H_
