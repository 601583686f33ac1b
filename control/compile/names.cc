#include "control/compile/names.h"

#include <utility>

namespace weft::control::compile {

std::string_view MeshAlpn(Wire wire) { return wire == Wire::kHttp ? "weft-http/1.1" : "weft-tcp"; }

Wire SealedWire(const PortTopology& port) { return port.backend_tls != nullptr ? Wire::kSealed : Wire::kOpaque; }

std::string PortName(const model::Name& service, uint16_t port) {
  return std::to_string(port) + "|" + service.name + "." + service.ns;
}

std::string OutboundCluster(const PortTopology& port, Wire wire) {
  const char* suffix = wire == Wire::kHttp ? "" : wire == Wire::kOpaque ? "|tcp" : "|sealed";
  return "outbound|" + PortName(port) + suffix;
}

std::string EndpointsName(const PortTopology& port) { return "outbound|" + PortName(port); }

std::string RouteConfigName(const PortTopology& port) { return "outbound|" + PortName(port); }

std::string DirectCluster(const PortTopology& port, Wire wire, bool mutual) {
  const char* suffix = mutual ? (wire == Wire::kHttp ? "" : "|tcp") : wire == Wire::kSealed ? "|sealed" : "|plain";
  return "direct|" + PortName(port) + suffix;
}

std::string InboundCluster(uint16_t port) { return "inbound|" + std::to_string(port); }

std::string SourceName(std::string_view kind, const model::Name& name) {
  return std::string(kind) + "/" + name.ToString();
}

void FillLabels(const Labels& labels, envoy::config::core::v3::Metadata* metadata) {
  auto& fields = *(*metadata->mutable_filter_metadata())["weft.dev"].mutable_fields();
  for (const auto& [key, value] : {std::pair("service", &labels.service), std::pair("namespace", &labels.ns),
                                   std::pair("version", &labels.version), std::pair("principal", &labels.principal)}) {
    if (!value->empty()) fields[key].set_string_value(*value);
  }
}

}  // namespace weft::control::compile
