// Clusters: CDS and EDS resources and name service answers → config::Cluster objects. Main thread only; a part of
// Assembler.
#ifndef WEFT_PROXY_ASSEMBLE_CLUSTERS_H_
#define WEFT_PROXY_ASSEMBLE_CLUSTERS_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "proxy/assemble/ignored_fields.h"
#include "proxy/assemble/shelf.h"
#include "proxy/assemble/tls_contexts.h"
#include "proxy/config/snapshot.h"
#include "proxy/endpoint/registry.h"
#include "proxy/resolve/resolver.h"
#include "proxy/runtime/clock.h"

namespace weft::assemble {

// How a connection to an endpoint is made.
struct Transport {
  bool usable = true;  // false: a secret is missing
  std::shared_ptr<const tls::ClientContext> tls;
  uint64_t key = 0;
};
struct Transports {
  Transport own;
  std::vector<Transport> matches;    // as ClusterSpec.transport_matches
  std::vector<std::string> missing;  // names of secrets
};
// An error names the field.
absl::StatusOr<Transports> CompileTransports(const config::ClusterSpec& spec, TlsContexts& contexts);

using DnsAnswers = std::map<std::string, resolve::Answer>;

// `endpoints` null: EDS has not answered.
std::shared_ptr<const config::Cluster> BuildCluster(const config::ClusterSpec& spec, const Transports& transports,
                                                    const config::EndpointsSpec* endpoints, const DnsAnswers& answers,
                                                    endpoint::Registry& registry);

class Clusters {
 public:
  using ClusterShelf = Shelf<config::ClusterSpec, envoy::config::cluster::v3::Cluster>;
  using EndpointShelf = Shelf<config::EndpointsSpec, envoy::config::endpoint::v3::ClusterLoadAssignment>;

  // `changed` is called when an answer of the name service makes Rebuild() necessary.
  Clusters(resolve::Resolver& resolver, endpoint::Registry& registry, Secrets& secrets, TlsContexts& contexts,
           IgnoredFields& ignored, std::function<void()> changed);

  // What is wrong with it in one line, or OK.
  absl::Status AddStatic(const config::ClusterSpec& spec, std::string bytes, int64_t now_micros);
  std::vector<discovery::Rejection> ApplyClusters(const discovery::Update& update, int64_t now_micros);
  std::vector<discovery::Rejection> ApplyEndpoints(const discovery::Update& update, int64_t now_micros);

  // Builds anew what changed since the last call, or uses one of `keys`. True: some cluster is another object now, or
  // gone. `problems`: what went wrong, for the log; the earlier object stays.
  bool Rebuild(const Keys& keys, std::vector<std::string>* problems);

  // Names for EDS, and the secrets of all clusters.
  Names WantedEndpoints() const;
  void AddSecretKeys(Keys* keys) const;
  // Forgets assignments that no cluster refers to.
  void DropUnwanted();

  const base::StringMap<std::shared_ptr<const config::Cluster>>& built() const { return built_; }
  const ClusterShelf& clusters() const { return clusters_; }
  const EndpointShelf& endpoints() const { return endpoints_; }
  // Not ready ones, in words: "endpoints of cluster a".
  std::vector<std::string> WaitingFor() const;

 private:
  struct Record {
    std::shared_ptr<const config::ClusterSpec> spec;
    std::optional<Transports> transports;  // none: to be compiled (again)
    Keys keys;                             // what the transports were compiled of
    std::map<std::string, std::unique_ptr<resolve::Watch>> watches;
    DnsAnswers answers;
  };

  absl::StatusOr<std::shared_ptr<const config::ClusterSpec>> Convert(
      const envoy::config::cluster::v3::Cluster& message);
  absl::StatusOr<std::shared_ptr<const config::EndpointsSpec>> ConvertEndpoints(
      const envoy::config::endpoint::v3::ClusterLoadAssignment& message);
  static const std::string& EndpointsName(const config::ClusterSpec& spec);
  void TakeSpec(const std::string& name, std::shared_ptr<const config::ClusterSpec> spec);
  void WatchNames(const std::string& name, Record* record);
  bool RebuildOne(const std::string& name, Record* record, std::vector<std::string>* problems);
  bool Uses(const Record& record, const Keys& keys) const;

  resolve::Resolver& resolver_;
  endpoint::Registry& registry_;
  Secrets& secrets_;
  TlsContexts& contexts_;
  IgnoredFields& ignored_;
  const std::function<void()> changed_;
  ClusterShelf clusters_;
  EndpointShelf endpoints_;
  Names changed_clusters_, changed_endpoints_, dirty_;  // since the last Rebuild()
  std::map<std::string, Record> records_;
  base::StringMap<std::shared_ptr<const config::Cluster>> built_;
};

}  // namespace weft::assemble

#endif  // WEFT_PROXY_ASSEMBLE_CLUSTERS_H_
