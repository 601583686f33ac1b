#include "proxy/admin/clusters_page.h"

#include <map>
#include <set>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace weft::admin {
namespace {

// Sorted by name, so that two looks at it can be compared.
template <class Table>
auto Sorted(const Table& table) {
  std::map<std::string_view, decltype(table.begin()->second)> sorted;
  for (const auto& [name, value] : table) sorted.emplace(name, value);
  return sorted;
}

class Lines {
 public:
  explicit Lines(std::string prefix) : prefix_(std::move(prefix)) {}
  template <class Value>
  void Add(absl::string_view key, const Value& value) {
    absl::StrAppend(&text_, prefix_, "::", key, "::", value, "\n");
  }
  std::string Take() { return std::move(text_); }

 private:
  const std::string prefix_;
  std::string text_;
};

std::string AboutCluster(const config::Cluster& cluster, bool dynamic) {
  Lines lines(cluster.spec.name);
  lines.Add("observability_name", cluster.spec.stat_name);
  for (absl::string_view priority : {"default_priority::", "high_priority::"}) {
    const config::CircuitBreakerSpec& limits = cluster.spec.limits;
    lines.Add(absl::StrCat(priority, "max_connections"), limits.max_connections);
    lines.Add(absl::StrCat(priority, "max_pending_requests"), limits.max_pending_requests);
    lines.Add(absl::StrCat(priority, "max_requests"), limits.max_requests);
    lines.Add(absl::StrCat(priority, "max_retries"), limits.max_retries);
  }
  lines.Add("added_via_api", dynamic ? "true" : "false");
  if (!cluster.ready) lines.Add("ready", "false");
  return lines.Take();
}

std::string AboutHost(const config::Cluster& cluster, const config::Host& host) {
  const endpoint::EndpointState& state = *host.state;
  Lines lines(absl::StrCat(cluster.spec.name, "::", state.address.ToString()));
  lines.Add("cx_active", state.active_connections.load());
  lines.Add("cx_connect_fail", state.connect_failures.load());
  lines.Add("cx_total", state.connects.load());
  lines.Add("rq_active", state.active_requests.load());
  lines.Add("rq_error", state.errors.load());
  lines.Add("rq_success", state.successes.load());
  lines.Add("rq_total", state.requests.load());
  lines.Add("hostname", state.hostname);
  lines.Add("health_flags", !host.healthy           ? "/failed_eds_health"
                            : !state.healthy.load() ? "/failed_outlier_check"
                                                    : "healthy");
  lines.Add("weight", host.weight);
  lines.Add("priority", host.priority);
  lines.Add("service", host.service);
  lines.Add("version", host.version);
  lines.Add("principal", host.principal);
  return lines.Take();
}

}  // namespace

std::string ClustersText(const config::Snapshot& snapshot, const std::vector<Resource>& resources) {
  std::set<std::string_view> dynamic;
  for (const Resource& resource : resources) {
    if (resource.type == discovery::ResourceType::kCluster && resource.dynamic) dynamic.insert(resource.name);
  }
  std::string text;
  for (const auto& [name, cluster] : Sorted(snapshot.clusters)) {
    text += AboutCluster(*cluster, dynamic.contains(name));
    for (const config::Host& host : cluster->hosts) text += AboutHost(*cluster, host);
  }
  return text;
}

std::string ListenersText(const config::Snapshot& snapshot) {
  std::string text;
  for (const auto& [name, listener] : Sorted(snapshot.listeners)) {
    for (const base::Address& address : listener->spec.addresses) {
      absl::StrAppend(&text, listener->spec.name, "::", address.ToString(), "\n");
    }
  }
  return text;
}

}  // namespace weft::admin
