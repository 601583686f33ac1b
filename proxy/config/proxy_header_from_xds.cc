// Cluster.transport_socket: TLS, plain, or either behind ProxyProtocolUpstreamTransport
// (envoy.extensions.transport_sockets.proxy_protocol.v3).
#include "envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.pb.h"
#include "proxy/config/parts.h"

namespace weft::config {
namespace {

using envoy::config::core::v3::ProxyProtocolConfig;
using Wrapped = envoy::extensions::transport_sockets::proxy_protocol::v3::ProxyProtocolUpstreamTransport;

ProxyHeaderVersion VersionOf(const ProxyProtocolConfig& message, const Place& place) {
  CheckFields(message, place, {.read = {"version"}});
  switch (message.version()) {
    case ProxyProtocolConfig::V1: return ProxyHeaderVersion::k1;
    case ProxyProtocolConfig::V2: return ProxyHeaderVersion::k2;
    default: place.Field("version").Problem("expected V1 or V2"); return ProxyHeaderVersion::kNone;
  }
}

}  // namespace

void ClusterSocketFromXds(const envoy::config::core::v3::TransportSocket& socket, const Place& place,
                          ClusterSpec* spec) {
  if (!socket.typed_config().Is<Wrapped>()) {
    spec->tls = UpstreamTlsFromXds(socket, place);
    return;
  }
  CheckFields(socket, place, {.read = {"name", "typed_config"}});
  const Place config = place.Field("typed_config");
  Wrapped wrapped;
  if (!Unpack(socket.typed_config(), config, &wrapped)) return;
  CheckFields(wrapped, config, {.read = {"config", "transport_socket"}});
  spec->proxy_header = VersionOf(wrapped.config(), config.Field("config"));
  if (!wrapped.has_transport_socket()) {
    config.Problem("transport_socket is missing");
  } else {
    spec->tls = UpstreamTlsFromXds(wrapped.transport_socket(), config.Field("transport_socket"));
  }
}

}  // namespace weft::config
