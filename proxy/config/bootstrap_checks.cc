#include "proxy/config/bootstrap_checks.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "proxy/config/place.h"
#include "schema/document.h"
#include "schema/problem.h"
#include "schema/suggest.h"

namespace weft::config {
namespace {

// Names that identity/ fills when the bootstrap has no secret of that name.
bool IsIdentitySecret(const std::string& name) { return name == "default" || name == "ROOTCA"; }

template <typename Spec>
void CheckNames(const std::vector<Spec>& specs, std::string_view list, const Place& resources) {
  std::map<std::string, size_t> seen;
  for (size_t i = 0; i < specs.size(); ++i) {
    const auto [first, is_new] = seen.emplace(specs[i].name, i);
    if (is_new || specs[i].name.empty()) continue;
    resources.Field(list, i).Field("name").Problem(schema::Quoted(specs[i].name) + " is the name of " +
                                                   std::string(list) + "[" + std::to_string(first->second) + "], too");
  }
}

void CheckAddresses(const std::vector<ListenerSpec>& listeners, const Place& resources) {
  std::map<std::string, std::string> seen;  // address → listener
  for (size_t i = 0; i < listeners.size(); ++i) {
    if (!listeners[i].bind_to_port) continue;
    for (const base::Address& address : listeners[i].addresses) {
      if (!address.valid() || (address.is_ip() && address.port() == 0)) continue;
      const auto [first, is_new] = seen.emplace(address.ToString(), listeners[i].name);
      if (!is_new) {
        resources.Field("listeners", i)
            .Field("address")
            .Problem(address.ToString() + " is the address of listener " + schema::Quoted(first->second) + ", too");
      }
    }
  }
}

class References {
 public:
  References(const BootstrapSpec& spec, bool clusters_are_known)
      : spec_(spec), clusters_are_known_(clusters_are_known) {
    for (const ClusterSpec& cluster : spec.clusters) clusters_.emplace(cluster.name, &cluster);
    for (const SecretSpec& secret : spec.secrets) secrets_.insert(secret.name);
  }

  // Empty: it is there.
  std::string Problem(const Reference& reference) const {
    switch (reference.kind) {
      case Reference::Kind::kRouteCluster:
      case Reference::Kind::kTcpCluster: return ClusterProblem(reference);
      case Reference::Kind::kStaticSecret:
        if (secrets_.count(reference.name) > 0 || IsIdentitySecret(reference.name)) return "";
        return "there is no secret " + schema::Quoted(reference.name) + " in static_resources";
      case Reference::Kind::kAds:
        return spec_.ads ? "" : "needs an ADS stream, and dynamic_resources.ads_config is missing";
      case Reference::Kind::kFile: {
        const auto text = schema::ReadFile(reference.name);
        return text.ok() ? "" : std::string(text.status().message());
      }
    }
    return "";
  }

 private:
  std::string ClusterProblem(const Reference& reference) const {
    const auto found = clusters_.find(reference.name);
    if (found == clusters_.end()) {
      const bool unnamed = clusters_.count("") > 0;  // told already, and perhaps the one that is meant
      if (!clusters_are_known_ || unnamed || (spec_.ads && spec_.ads->clusters)) return "";
      std::vector<std::string> names;
      for (const auto& [name, cluster] : clusters_) names.push_back(name);
      return "there is no cluster " + schema::Quoted(reference.name) + schema::Suggestion(reference.name, names);
    }
    // The ADS client alone speaks HTTP/2; a TCP proxy does not look into the bytes.
    if (reference.kind == Reference::Kind::kRouteCluster && found->second->protocol == UpstreamProtocol::kHttp2) {
      return "cluster " + schema::Quoted(reference.name) +
             " is HTTP/2, and routes to such clusters are known to Envoy, not supported by Weft yet";
    }
    return "";
  }

  const BootstrapSpec& spec_;
  bool clusters_are_known_;
  std::map<std::string, const ClusterSpec*> clusters_;
  std::set<std::string> secrets_;
};

void CheckAdsCluster(const BootstrapSpec& spec, Findings* findings) {
  if (!spec.ads || spec.ads->cluster.empty()) return;
  const Place place = Place(findings, "dynamic_resources.ads_config")
                          .Field("grpc_services", 0)
                          .Field("envoy_grpc")
                          .Field("cluster_name");
  for (const ClusterSpec& cluster : spec.clusters) {
    if (cluster.name != spec.ads->cluster) continue;
    if (cluster.discovery == Discovery::kStatic || cluster.discovery == Discovery::kStrictDns) return;
    return place.Problem("cluster " + schema::Quoted(cluster.name) +
                         " must be STATIC or STRICT_DNS to be found without the control plane");
  }
  place.Problem("there is no cluster " + schema::Quoted(spec.ads->cluster) + " in static_resources");
}

}  // namespace

void CheckWhole(const BootstrapSpec& spec, bool clusters_are_known, Findings* findings) {
  const Place resources(findings, "static_resources");
  CheckNames(spec.listeners, "listeners", resources);
  CheckNames(spec.clusters, "clusters", resources);
  CheckNames(spec.secrets, "secrets", resources);
  CheckAddresses(spec.listeners, resources);
  if (clusters_are_known) CheckAdsCluster(spec, findings);
  const References references(spec, clusters_are_known);
  for (const Reference& reference : findings->references) {
    std::string problem = references.Problem(reference);
    if (!problem.empty()) findings->problems.push_back({reference.field, std::move(problem)});
  }
}

}  // namespace weft::config
