#include "control/compile/names.h"

#include <utility>

namespace weft::control::compile {

std::string_view MeshAlpn(Wire wire) { return wire == Wire::kHttp ? "weft-http/1.1" : "weft-tcp"; }

std::string PortName(const model::Name& service, uint16_t port) {
  return std::to_string(port) + "|" + service.name + "." + service.ns;
}

std::string OutboundCluster(const PortTopology& port, Wire wire) {
  return "outbound|" + PortName(port) + (wire == Wire::kOpaque ? "|tcp" : "");
}

std::string EndpointsName(const PortTopology& port) { return "outbound|" + PortName(port); }

std::string RouteConfigName(const PortTopology& port) { return "outbound|" + PortName(port); }

std::string DirectCluster(const PortTopology& port, Wire wire, bool mutual) {
  return "direct|" + PortName(port) + (!mutual ? "|plain" : wire == Wire::kOpaque ? "|tcp" : "");
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
