// The bootstrap: an envoy.config.bootstrap.v3.Bootstrap as YAML or JSON, read, checked and turned into specs. Main
// thread, at start.
#ifndef WEFT_PROXY_CONFIG_BOOTSTRAP_H_
#define WEFT_PROXY_CONFIG_BOOTSTRAP_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "proxy/config/from_xds.h"
#include "proxy/config/spec.h"

namespace weft::config {

// dynamic_resources.ads_config. The control plane's address, TLS and protocol are those of the static cluster.
struct AdsSpec {
  std::string cluster;  // envoy_grpc.cluster_name; names a member of `clusters`
  std::string authority;
  std::vector<std::pair<std::string, std::string>> metadata;  // initial_metadata
  bool clusters = false;                                      // cds_config says `ads`
  bool listeners = false;                                     // lds_config says `ads`
};

struct BootstrapSpec {
  envoy::config::bootstrap::v3::Bootstrap proto;  // as read: node, and what /config_dump shows
  std::optional<base::Address> admin;
  std::vector<ListenerSpec> listeners;
  std::vector<ClusterSpec> clusters;
  std::vector<SecretSpec> secrets;
  std::optional<AdsSpec> ads;
  std::vector<FieldProblem> notes;  // accepted and ignored
};

// Reads `path` ("-": standard input). Also what needs the whole: static routes and TCP proxies that name a cluster
// which does not exist (unless clusters come by CDS), names and addresses that stand twice, the ADS cluster.
// InvalidArgument (or the file's own error) has one line for each problem: "FILE:LINE:COL: FIELD: WHAT".
absl::StatusOr<BootstrapSpec> LoadBootstrap(const std::string& path);
// The same for a text that is in memory; `file` is for messages.
absl::StatusOr<BootstrapSpec> ParseBootstrap(std::string_view text, const std::string& file);

}  // namespace weft::config

#endif  // WEFT_PROXY_CONFIG_BOOTSTRAP_H_
