#include "control/model/service.h"

namespace weft::control::model {

std::string_view ProtocolName(Protocol protocol) {
  switch (protocol) {
    case Protocol::kDetect: return "detect";
    case Protocol::kTcp: return "TCP";
    case Protocol::kTls: return "TLS";
    case Protocol::kHttp: return "HTTP";
    case Protocol::kHttp2: return "HTTP2";
    case Protocol::kGrpc: return "GRPC";
    case Protocol::kPostgres: return "postgres";
  }
  return "unknown";
}

bool CanRoute(Kind route, Protocol protocol) {
  switch (route) {
    case Kind::kHttpRoute: return ReadsHttp(protocol);
    case Kind::kTlsRoute: return ReadsServerName(protocol);
    case Kind::kTcpRoute: return CarriesBytes(protocol);
    default: return false;
  }
}

const ServicePort* Service::FindPort(uint16_t port) const {
  for (const ServicePort& candidate : ports) {
    if (candidate.port == port) return &candidate;
  }
  return nullptr;
}

uint16_t TargetPort(const ServicePort& port, const WorkloadEntry& workload) {
  if (port.target_port != 0) return port.target_port;
  const std::string& name = port.target_name.empty() ? port.name : port.target_name;
  const auto it = workload.ports.find(name);
  if (it != workload.ports.end()) return it->second;
  return port.target_name.empty() ? port.port : 0;
}

}  // namespace weft::control::model
