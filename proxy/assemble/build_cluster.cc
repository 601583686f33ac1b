#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "proxy/assemble/clusters.h"

namespace weft::assemble {
namespace {

// Everything that a pool takes from its cluster is part of its key: a pool never lives on with the settings of
// yesterday.
uint64_t TransportKey(const config::ClusterSpec& spec, uint64_t tls_settings) {
  return absl::HashOf(tls_settings, spec.protocol, spec.connect_timeout.count(), spec.idle_timeout.count(),
                      spec.max_requests_per_connection);
}

absl::Status CompileTransport(const config::ClusterSpec& spec, const std::optional<config::UpstreamTlsSpec>& tls,
                              TlsContexts& contexts, Transport* transport, std::vector<std::string>* missing) {
  transport->key = TransportKey(spec, 0);
  if (!tls) return absl::OkStatus();
  auto compiled = contexts.Client(*tls);
  if (!compiled.ok()) return compiled.status();
  transport->usable = compiled->context != nullptr;
  transport->tls = std::move(compiled->context);
  transport->key = TransportKey(spec, compiled->settings_hash);
  missing->insert(missing->end(), compiled->missing.begin(), compiled->missing.end());
  return absl::OkStatus();
}

absl::Status At(const std::string& field, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(field, ": ", status.message()));
}

bool Matches(const config::TransportMatchSpec& match, const config::HostSpec& host) {
  return std::all_of(match.match.begin(), match.match.end(), [&](const auto& wanted) {
    return std::find(host.transport_metadata.begin(), host.transport_metadata.end(), wanted) !=
           host.transport_metadata.end();
  });
}

const Transport& TransportFor(const config::ClusterSpec& spec, const Transports& transports,
                              const config::HostSpec& host) {
  for (size_t i = 0; i < spec.transport_matches.size(); ++i) {
    if (Matches(spec.transport_matches[i], host)) return transports.matches[i];
  }
  return transports.own;
}

// The members with addresses. False: it is not known yet which.
bool ListHosts(const config::ClusterSpec& spec, const config::EndpointsSpec* endpoints, const DnsAnswers& answers,
               std::vector<config::HostSpec>* hosts) {
  switch (spec.discovery) {
    case config::Discovery::kOriginalDst: return true;
    case config::Discovery::kStatic: *hosts = spec.hosts; return true;
    case config::Discovery::kEds:
      if (endpoints != nullptr) *hosts = endpoints->hosts;
      return endpoints != nullptr;
    case config::Discovery::kStrictDns: break;
  }
  bool all_answered = true;
  for (const config::HostSpec& named : spec.hosts) {
    const auto answer = answers.find(named.hostname);
    all_answered &= answer != answers.end();
    if (answer == answers.end()) continue;
    for (const base::Address& address : answer->second.addresses) {
      hosts->push_back(named);
      hosts->back().address = address.WithPort(named.address.port());
    }
  }
  return all_answered || !hosts->empty();
}

}  // namespace

absl::StatusOr<Transports> CompileTransports(const config::ClusterSpec& spec, TlsContexts& contexts) {
  Transports transports;
  if (absl::Status status = CompileTransport(spec, spec.tls, contexts, &transports.own, &transports.missing);
      !status.ok()) {
    return At("transport_socket.typed_config.common_tls_context", status);
  }
  for (size_t i = 0; i < spec.transport_matches.size(); ++i) {
    Transport& transport = transports.matches.emplace_back();
    absl::Status status =
        CompileTransport(spec, spec.transport_matches[i].tls, contexts, &transport, &transports.missing);
    if (!status.ok())
      return At(absl::StrCat("transport_socket_matches[", i, "].transport_socket.typed_config"), status);
  }
  return transports;
}

std::shared_ptr<const config::Cluster> BuildCluster(const config::ClusterSpec& spec, const Transports& transports,
                                                    const config::EndpointsSpec* endpoints, const DnsAnswers& answers,
                                                    endpoint::Registry& registry) {
  auto cluster = std::make_shared<config::Cluster>();
  cluster->spec = spec;
  cluster->state = registry.Cluster(spec.name);
  cluster->tls = transports.own.tls;
  cluster->transport_key = transports.own.key;
  std::vector<config::HostSpec> members;
  const bool known = ListHosts(spec, endpoints, answers, &members);
  absl::flat_hash_set<std::string> seen;
  bool left_out = spec.discovery == config::Discovery::kOriginalDst && !transports.own.usable;
  for (config::HostSpec& member : members) {
    const Transport& transport = TransportFor(spec, transports, member);
    left_out |= !transport.usable;  // it would go out in plain text
    if (!transport.usable || !seen.insert(member.address.ToString()).second) continue;
    config::Host& host = cluster->hosts.emplace_back();
    host.state = registry.Endpoint(spec.name, member.address, member.hostname);
    host.weight = member.weight;
    host.priority = member.priority;
    host.healthy = member.healthy;
    host.service = std::move(member.service);
    host.version = std::move(member.version);
    host.principal = std::move(member.principal);
    host.tls = transport.tls;
    host.transport_key = transport.key;
  }
  cluster->ready = known && (!cluster->hosts.empty() || !left_out);
  return cluster;
}

}  // namespace weft::assemble
