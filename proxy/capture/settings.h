// What `weft-proxy capture` was asked to do, checked: plain values. Main thread only (a command, no traffic).
#ifndef WEFT_PROXY_CAPTURE_SETTINGS_H_
#define WEFT_PROXY_CAPTURE_SETTINGS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/base/address.h"

namespace weft::capture {

// First and last, both inside.
struct PortRange {
  uint16_t first = 0;
  uint16_t last = 0;
  friend bool operator==(const PortRange&, const PortRange&) = default;
};

// An empty "include" list means everything.
struct Settings {
  uint16_t inbound_port = 15006;
  uint16_t outbound_port = 15001;
  std::vector<PortRange> include_inbound_ports;
  std::vector<PortRange> exclude_inbound_ports;
  std::vector<PortRange> include_outbound_ports;
  std::vector<PortRange> exclude_outbound_ports;
  std::vector<base::Cidr> include_outbound_cidrs;
  std::vector<base::Cidr> exclude_outbound_cidrs;
  std::vector<std::string> exclude_interfaces;
  bool ipv4_only = false;
};

// The metrics, readiness and probe port of every sidecar: a scraper has no certificate.
inline constexpr uint16_t kMetricsPort = 15020;

// Each takes the items of one list as they were typed and returns them sorted, without overlaps, ready for an nftables
// set. An error names the item and says what is expected.
absl::StatusOr<std::vector<PortRange>> ParsePorts(const std::vector<std::string>& items);         // "80", "8000-8010"
absl::StatusOr<std::vector<base::Cidr>> ParseCidrs(const std::vector<std::string>& items);        // "10.0.0.0/8", "::1"
absl::StatusOr<std::vector<std::string>> ParseInterfaces(const std::vector<std::string>& items);  // "eth1", "docker*"

// Settings that contradict themselves.
absl::Status Check(const Settings& settings);

}  // namespace weft::capture

#endif  // WEFT_PROXY_CAPTURE_SETTINGS_H_
