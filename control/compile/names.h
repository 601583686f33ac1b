// Names of resources and the metadata "weft.dev" that proxies turn into metric labels. Pure functions.
#ifndef WEFT_CONTROL_COMPILE_NAMES_H_
#define WEFT_CONTROL_COMPILE_NAMES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "control/compile/topology.h"
#include "control/model/meta.h"
#include "envoy/config/core/v3/core.pb.h"

namespace weft::control::compile {

inline constexpr std::string_view kOutboundListener = "outbound";
inline constexpr std::string_view kInboundListener = "inbound";
inline constexpr std::string_view kPassthroughCluster = "passthrough";  // outbound, to where it was going
inline constexpr std::string_view kInboundPassthroughCluster =
    "inbound-passthrough";  // a port that no service declares
// A cluster that never exists: requests of invalid backends go there and are answered with 500.
inline constexpr std::string_view kInvalidBackend = "invalid-backend";

// What the bytes are read as: kHttp ends in an HTTP connection manager, kOpaque in a TCP proxy. kSealed: bytes that are
// TLS of the client's own, so that a BackendTLSPolicy must not wrap them once more.
enum class Wire { kHttp, kOpaque, kSealed };
std::string_view MeshAlpn(Wire wire);  // "weft-http/1.1", "weft-tcp"

// The wire to `port` for the client's own TLS: kSealed where kOpaque would begin TLS, else kOpaque.
Wire SealedWire(const PortTopology& port);

// "80|web.shop": how every name below ends.
std::string PortName(const model::Name& service, uint16_t port);
inline std::string PortName(const PortTopology& port) { return PortName(port.service->meta.name, port.port->port); }

// "outbound|80|web.shop" and, for bytes, "outbound|80|web.shop|tcp" and "…|sealed". Balanced over the endpoints of
// EndpointsName.
std::string OutboundCluster(const PortTopology& port, Wire wire);
std::string EndpointsName(const PortTopology& port);    // of the ClusterLoadAssignment
std::string RouteConfigName(const PortTopology& port);  // "outbound|80|web.shop"
// To the very endpoint that the client named: "direct|80|web.shop[|tcp]", or, where no sidecar is,
// "direct|80|web.shop|plain" and "…|sealed".
std::string DirectCluster(const PortTopology& port, Wire wire, bool mutual);
std::string InboundCluster(uint16_t port);  // "inbound|8080"

std::string SourceName(std::string_view kind, const model::Name& name);  // "Service/shop/web"

// What a proxy's metrics say of the other side (or, inbound, of its own). Empty ones are left out.
struct Labels {
  std::string service, ns, version, principal;
};
void FillLabels(const Labels& labels, envoy::config::core::v3::Metadata* metadata);

}  // namespace weft::control::compile

#endif  // WEFT_CONTROL_COMPILE_NAMES_H_
