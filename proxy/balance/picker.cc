#include "proxy/balance/picker.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/container/flat_hash_set.h"

namespace weft::balance {
namespace {

using config::Host;

constexpr size_t kMaxDestinations = 4096;  // per ORIGINAL_DST cluster and worker; unused ones go first

bool WasTried(const Host& host, Picker::Tried tried) {
  return std::find(tried.begin(), tried.end(), host.state.get()) != tried.end();
}

bool Usable(const Host& host, uint32_t priority) {
  return host.priority == priority && host.healthy && host.weight > 0 && host.state->healthy.load();
}

// The lowest priority that has a usable host.
std::optional<uint32_t> BestPriority(const config::Cluster& cluster) {
  std::optional<uint32_t> best;
  for (const Host& host : cluster.hosts) {
    if (Usable(host, host.priority) && (!best || host.priority < *best)) best = host.priority;
  }
  return best;
}

bool OthersThanTried(const config::Cluster& cluster, uint32_t priority, Picker::Tried tried) {
  return std::any_of(cluster.hosts.begin(), cluster.hosts.end(),
                     [&](const Host& host) { return Usable(host, priority) && !WasTried(host, tried); });
}

bool HasTried(Picker::Tried tried) { return !tried.empty() && tried[0] != nullptr; }

}  // namespace

bool Picker::HasOther(const config::Cluster& cluster, Tried tried) {
  const std::optional<uint32_t> priority = BestPriority(cluster);
  return priority && OthersThanTried(cluster, *priority, tried);
}

void Picker::Forget(const config::Snapshot& newest) {
  absl::flat_hash_set<const endpoint::ClusterState*> live;
  for (const auto& [name, cluster] : newest.clusters) live.insert(cluster->state.get());
  absl::erase_if(rotations_, [&](const auto& entry) { return !live.contains(entry.first); });
  absl::erase_if(by_destination_, [&](const auto& entry) { return !live.contains(entry.first); });
}

const Host* Picker::Pick(const config::Cluster& cluster, const base::Address& destination, Tried tried) {
  if (!cluster.ready) return nullptr;  // without its secrets it would go out in plain text
  if (cluster.spec.discovery == config::Discovery::kOriginalDst) return OriginalDestination(cluster, destination);
  // Every inbound cluster of a sidecar: nothing to weigh, nobody else for a second try. 250 instructions a request.
  if (cluster.hosts.size() == 1) {
    const Host& only = cluster.hosts.front();
    return Usable(only, only.priority) ? &only : nullptr;
  }
  const std::optional<uint32_t> priority = BestPriority(cluster);
  if (!priority) return nullptr;
  if (!HasTried(tried) || !OthersThanTried(cluster, *priority, tried)) tried = {};
  switch (cluster.spec.load_balancing) {
    case config::LoadBalancing::kLeastRequest: return LeastRequest(cluster, *priority, tried);
    case config::LoadBalancing::kRandom: return Random(cluster, *priority, tried);
    case config::LoadBalancing::kRoundRobin:
    case config::LoadBalancing::kRingHash:  // refused by config/ until they are built
    case config::LoadBalancing::kMaglev: break;
  }
  return RoundRobin(cluster, *priority, tried);
}

const Host* Picker::RoundRobin(const config::Cluster& cluster, uint32_t priority, Tried tried) {
  Rotation& rotation = rotations_[cluster.state.get()];
  const size_t count = cluster.hosts.size();
  if (rotation.of != &cluster || rotation.current.size() != count) {
    // Another start on each worker and after each change, so that the first host does not get the first request every
    // time.
    rotation.of = &cluster;
    rotation.next = absl::Uniform<uint64_t>(random_, 0, count);
    rotation.current.assign(count, 0);
  }
  const Host* best = nullptr;
  size_t best_index = 0;
  int64_t total = 0;
  ++rotation.next;
  for (size_t i = 0; i < count; ++i) {
    const size_t index = (rotation.next + i) % count;
    const Host& host = cluster.hosts[index];
    if (!Usable(host, priority) || WasTried(host, tried)) continue;
    rotation.current[index] += host.weight;
    total += host.weight;
    if (best == nullptr || rotation.current[index] > rotation.current[best_index]) {
      best = &host;
      best_index = index;
    }
  }
  if (best != nullptr) rotation.current[best_index] -= total;
  return best;
}

const Host* Picker::Random(const config::Cluster& cluster, uint32_t priority, Tried tried) {
  uint64_t total = 0;
  for (const Host& host : cluster.hosts) {
    if (Usable(host, priority) && !WasTried(host, tried)) total += host.weight;
  }
  if (total == 0) return nullptr;
  uint64_t at = absl::Uniform<uint64_t>(random_, 0, total);
  for (const Host& host : cluster.hosts) {
    if (!Usable(host, priority) || WasTried(host, tried)) continue;
    if (at < host.weight) return &host;
    at -= host.weight;
  }
  return nullptr;
}

const Host* Picker::LeastRequest(const config::Cluster& cluster, uint32_t priority, Tried tried) {
  const Host* best = nullptr;
  double best_load = 0;
  for (uint32_t i = 0; i < std::max(2u, cluster.spec.least_request_choices); ++i) {
    const Host* host = Random(cluster, priority, tried);
    if (host == nullptr) return nullptr;
    const double load = (static_cast<double>(host->state->active_requests.load()) + 1) / host->weight;
    if (best == nullptr || load < best_load) {
      best = host;
      best_load = load;
    }
  }
  return best;
}

const Host* Picker::OriginalDestination(const config::Cluster& cluster, const base::Address& destination) {
  if (!destination.is_ip()) return nullptr;
  auto& hosts = by_destination_[cluster.state.get()];
  const std::string key(destination.ip_bytes().data(), destination.ip_bytes().size());
  const std::string with_port = key + std::to_string(destination.port());
  auto found = hosts.find(with_port);
  if (found != hosts.end() && found->second->transport_key == cluster.transport_key) {
    found->second->tls = cluster.tls;  // renewed with the certificate
    return found->second.get();
  }
  if (hosts.size() >= kMaxDestinations) {
    absl::erase_if(hosts, [](const auto& entry) { return entry.second->state.use_count() == 1; });
  }
  auto host = std::make_unique<Host>();
  host->state = std::make_shared<endpoint::EndpointState>(cluster.spec.name, destination, "");
  host->tls = cluster.tls;
  host->transport_key = cluster.transport_key;
  return (hosts[with_port] = std::move(host)).get();
}

}  // namespace weft::balance
