#include "proxy/app/traffic_labels.h"

namespace weft::app {
namespace {

using telemetry::Direction;
using telemetry::SeriesKey;
using telemetry::Tls;

constexpr std::string_view kUnknown = "unknown";

std::string_view OrUnknown(std::string_view text) { return text.empty() ? kUnknown : text; }

Tls ClientTls(const http::ConnectionInfo& connection) {
  if (!connection.tls) return Tls::kPlain;
  return connection.peer_principal.empty() ? Tls::kTls : Tls::kMutual;
}

bool HasCertificate(const std::optional<config::UpstreamTlsSpec>& tls) {
  return tls && !tls->common.certificates.empty();
}

// How the cluster talks to that host.
Tls EndpointTls(const config::Cluster& cluster, const config::Host* host) {
  if (host != nullptr ? host->tls == nullptr : cluster.tls == nullptr) return Tls::kPlain;
  if (HasCertificate(cluster.spec.tls)) return Tls::kMutual;
  for (const auto& match : cluster.spec.transport_matches) {
    if (HasCertificate(match.tls)) return Tls::kMutual;
  }
  return Tls::kTls;
}

const config::Host* FindHost(const config::Cluster& cluster, const base::Address& endpoint) {
  for (const config::Host& host : cluster.hosts) {
    if (host.state->address == endpoint) return &host;
  }
  return nullptr;
}

// "service.namespace", so that services of the same name in two namespaces stay apart; without metadata the cluster's
// name.
std::string ServiceName(const config::Cluster& cluster, const config::Host* host) {
  const config::ClusterSpec& spec = cluster.spec;
  std::string service = host != nullptr && !host->service.empty() ? host->service : spec.service;
  if (service.empty()) return spec.stat_name.empty() ? spec.name : spec.stat_name;
  if (!spec.service_namespace.empty() && service.find('.') == std::string::npos)
    service += "." + spec.service_namespace;
  return service;
}

}  // namespace

Workload WorkloadOf(std::string_view principal) {
  constexpr std::string_view kScheme = "spiffe://", kNamespace = "/ns/", kAccount = "/sa/";
  if (!principal.starts_with(kScheme)) return {};
  principal.remove_prefix(kScheme.size());
  const size_t path = principal.find('/');
  if (path == std::string_view::npos) return {};
  principal.remove_prefix(path);
  if (!principal.starts_with(kNamespace)) return {};
  principal.remove_prefix(kNamespace.size());
  const size_t account = principal.find(kAccount);
  if (account == std::string_view::npos) return {};
  return {std::string(principal.substr(0, account)), std::string(principal.substr(account + kAccount.size())), ""};
}

Direction DirectionOf(const http::ConnectionInfo& connection) {
  return connection.inbound ? Direction::kInbound : Direction::kOutbound;
}

uint16_t TrafficLabels::SourceOf(const http::ConnectionInfo& connection) {
  const Workload caller = connection.inbound ? WorkloadOf(connection.peer_principal) : own_;
  return metrics_.Source(OrUnknown(caller.namespace_name), OrUnknown(caller.service_account));
}

uint16_t TrafficLabels::ListenerService(const http::ConnectionInfo& connection, const config::Snapshot* snapshot) {
  const config::Listener* listener = snapshot == nullptr ? nullptr : snapshot->FindListener(connection.listener);
  return metrics_.Destination(OrUnknown(listener == nullptr ? std::string_view() : listener->spec.service), kUnknown);
}

const TrafficLabels::Caller& TrafficLabels::CallerOf(const http::ConnectionInfo& connection,
                                                     const config::Snapshot* snapshot) {
  Caller& caller = callers_[(connection.id >> 10) % kRemembered];  // ids of one worker are 1024 apart
  if (caller.connection == connection.id && caller.epoch == metrics_.label_epoch() &&
      caller.own_version == own_version_)
    return caller;
  caller.connection = connection.id;
  caller.epoch = metrics_.label_epoch();
  caller.own_version = own_version_;
  caller.source = SourceOf(connection);
  caller.listener_service = ListenerService(connection, snapshot);
  caller.tls = ClientTls(connection);
  return caller;
}

const TrafficLabels::Called& TrafficLabels::CalledOf(std::string_view cluster_name, const base::Address& endpoint,
                                                     const config::Snapshot& snapshot) {
  const size_t address = endpoint.valid() ? endpoint.Hash() : 0;
  const size_t mixed = (reinterpret_cast<uintptr_t>(cluster_name.data()) >> 4) ^ address ^ (address >> 17);
  Called& called = called_[mixed % kRemembered];
  if (called.cluster == cluster_name && called.generation == snapshot.generation && called.endpoint == address &&
      called.epoch == metrics_.label_epoch()) {
    return called;
  }
  called.cluster.assign(cluster_name);
  called.generation = snapshot.generation;
  called.endpoint = address;
  called.epoch = metrics_.label_epoch();
  const config::Cluster* cluster = snapshot.FindCluster(cluster_name);
  if (cluster == nullptr) {
    called.destination = metrics_.Destination(OrUnknown(cluster_name), kUnknown);
    called.tls = Tls::kPlain;
    return called;
  }
  const config::Host* host = FindHost(*cluster, endpoint);
  called.destination = metrics_.Destination(ServiceName(*cluster, host),
                                            OrUnknown(host == nullptr ? std::string_view() : host->version));
  called.tls = EndpointTls(*cluster, host);
  return called;
}

SeriesKey TrafficLabels::OfRequest(const http::Context& context) {
  const Caller& caller = CallerOf(context.connection, context.snapshot);
  SeriesKey key;
  key.direction = DirectionOf(context.connection);
  key.source = caller.source;
  key.tls = caller.tls;
  key.destination = caller.listener_service;
  if (context.cluster_name.empty() || context.snapshot == nullptr) return key;
  const Called& called = CalledOf(context.cluster_name, context.decision.endpoint, *context.snapshot);
  key.destination = called.destination;
  if (!context.connection.inbound) key.tls = called.tls;
  return key;
}

SeriesKey TrafficLabels::OfOpaque(const downstream::OpaqueOutcome& outcome, const http::ConnectionInfo& connection,
                                  const config::Snapshot* snapshot) {
  SeriesKey key;
  key.direction = DirectionOf(connection);
  key.source = SourceOf(connection);
  const config::Cluster* cluster = snapshot == nullptr ? nullptr : snapshot->FindCluster(outcome.cluster);
  const config::Host* host = cluster == nullptr ? nullptr : FindHost(*cluster, outcome.endpoint);
  const std::string service = cluster == nullptr ? outcome.service : ServiceName(*cluster, host);
  key.destination = service.empty() ? ListenerService(connection, snapshot)
                                    : metrics_.Destination(service, OrUnknown(outcome.version));
  const Tls towards = cluster == nullptr ? Tls::kPlain : EndpointTls(*cluster, host);
  key.tls = connection.inbound ? ClientTls(connection) : towards;
  // TLS that was not ours: its server name is all that was read of it.
  if (key.tls == Tls::kPlain && !connection.tls && !connection.sni.empty()) key.tls = Tls::kPassthrough;
  return key;
}

}  // namespace weft::app
