// Where a control plane is and how to speak to it. Plain values; ChannelSource gives the ones of the moment, since
// certificates are renewed. Main thread.
#ifndef WEFT_PROXY_DISCOVERY_CHANNEL_H_
#define WEFT_PROXY_DISCOVERY_CHANNEL_H_

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/base/time.h"

namespace weft::discovery {

// What one response may measure: it is whole in memory while it is read, and a state-of-the-world response has all
// resources of its type. A larger one ends the stream as ResourceExhausted (gRPC's own limit would be 4 MiB).
inline constexpr size_t kMaxResponseBytes = 64u << 20;

struct ChannelTls {
  std::string roots_pem;    // never empty: what the server's certificate must lead to
  std::string server_name;  // a DNS name that the server's certificate must have
  std::string key_pem;      // ours; both empty: without a client certificate
  std::string chain_pem;
};

struct Channel {
  std::string target;  // as gRPC reads it: "dns:///host:port", "ipv4:1.2.3.4:15010", "unix:/run/weft/control.sock"
  std::optional<ChannelTls> tls;  // none: plaintext
  std::string authority;          // ":authority" of the streams; "": the name that is verified, or that of the target
  std::vector<std::pair<std::string, std::string>> metadata;  // sent with each stream
  base::Duration connect_timeout = std::chrono::seconds(5);
  // gRPC servers by default cut off who pings more often than every 5 minutes; a dead peer is noticed sooner by TCP.
  base::Duration keepalive = std::chrono::seconds(330);
  base::Duration keepalive_timeout = std::chrono::seconds(20);
  size_t max_response_bytes = kMaxResponseBytes;
};

class ChannelSource {
 public:
  virtual ~ChannelSource() = default;
  // An error when there is nothing to connect with yet, in words for a log line: "no certificate yet".
  virtual absl::StatusOr<Channel> Current() = 0;
  virtual const std::string& target() const = 0;
};

// One that never changes.
class FixedChannel final : public ChannelSource {
 public:
  explicit FixedChannel(Channel channel) : channel_(std::move(channel)) {}
  absl::StatusOr<Channel> Current() override { return channel_; }
  const std::string& target() const override { return channel_.target; }

 private:
  const Channel channel_;
};

}  // namespace weft::discovery

#endif  // WEFT_PROXY_DISCOVERY_CHANNEL_H_
