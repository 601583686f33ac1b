// AdsChannel: where the ADS stream goes and with which credentials: the endpoints and the TLS settings of the static
// cluster that the bootstrap names, with the certificate of this moment. Main thread; owned by ControlPlane.
#ifndef WEFT_PROXY_APP_ADS_CHANNEL_H_
#define WEFT_PROXY_APP_ADS_CHANNEL_H_

#include <string>

#include "proxy/assemble/assembler.h"
#include "proxy/config/bootstrap.h"
#include "proxy/discovery/channel.h"

namespace weft::app {

// "dns:///host:port" of a STRICT_DNS cluster, "ipv4:1.2.3.4:15010,5.6.7.8:15010" or "ipv6:[::1]:15010" of a STATIC one.
// `cluster` has a host; gRPC wants one family: that of the first.
std::string AdsTarget(const config::ClusterSpec& cluster);

// The TLS settings as gRPC takes them. FailedPrecondition when there is nothing to check the server with,
// or when they ask for a check that gRPC cannot do.
absl::StatusOr<discovery::ChannelTls> AdsTls(const config::UpstreamTlsSpec& spec, const config::ClusterSpec& cluster);

class AdsChannel final : public discovery::ChannelSource {
 public:
  AdsChannel(const assemble::Assembler& assembler, const config::ClusterSpec& cluster, const config::AdsSpec& ads);

  absl::StatusOr<discovery::Channel> Current() override;
  const std::string& target() const override { return fixed_.target; }

 private:
  const assemble::Assembler& assembler_;
  const config::ClusterSpec cluster_;
  discovery::Channel fixed_;  // what does not change
};

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_ADS_CHANNEL_H_
