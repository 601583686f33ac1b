// Services and the workloads that answer for them. Plain values, already validated by control/source.
#ifndef WEFT_CONTROL_MODEL_SERVICE_H_
#define WEFT_CONTROL_MODEL_SERVICE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/model/meta.h"

namespace weft::control::model {

// kDetect: nothing was said, the first bytes tell. kPostgres: bytes, but a client may ask for TLS and then send a
// ClientHello.
enum class Protocol { kDetect, kTcp, kTls, kHttp, kHttp2, kGrpc, kPostgres };

std::string_view ProtocolName(Protocol protocol);

// What a proxy can read on such a port. HTTP/2 and gRPC are bytes to it until weft-proxy speaks HTTP/2.
inline bool ReadsHttp(Protocol protocol) { return protocol == Protocol::kHttp || protocol == Protocol::kDetect; }
inline bool ReadsServerName(Protocol protocol) {
  return protocol == Protocol::kTls || protocol == Protocol::kDetect || protocol == Protocol::kPostgres;
}
inline bool CarriesBytes(Protocol protocol) { return protocol != Protocol::kHttp; }

// Whether a route of this kind (kHttpRoute, kTlsRoute, kTcpRoute) can do its work on such a port.
bool CanRoute(Kind route, Protocol protocol);

struct ServicePort {
  std::string name;  // may be empty when the service has one port
  uint16_t port = 0;
  // Where workloads listen: a name in WorkloadEntry::ports, or a number. Neither: an entry there with this
  // port's name, else `port`.
  std::string target_name;
  uint16_t target_port = 0;
  Protocol protocol = Protocol::kDetect;
  std::string declared = "";  // the user's word for it, for messages: "mysql"; empty: nothing was said
};

struct Service {
  ObjectMeta meta;
  std::vector<std::string> hosts;      // NAME, NAME.NS, NAME.NS.svc, NAME.NS.svc.cluster.local first, then the user's
  std::vector<std::string> addresses;  // virtual IPs in use, v4 and v6; none when headless
  bool headless = false;
  std::vector<ServicePort> ports;
  Labels selector;  // empty selects nothing: a service without endpoints

  const ServicePort* FindPort(uint16_t port) const;
};

struct Locality {
  std::string region, zone, sub_zone;

  auto operator<=>(const Locality&) const = default;
};

struct WorkloadEntry {
  ObjectMeta meta;
  std::string address;  // an IP, in canonical form
  std::map<std::string, uint16_t> ports;
  Labels labels;
  std::string service_account;  // never empty
  Locality locality;
  uint32_t weight = 1;  // 0: gets nothing
  std::string network;
  bool mutual_tls = true;  // a sidecar stands before it
};

// Where `workload` listens for `port` (see ServicePort).  0: the workload does not have the named port.
uint16_t TargetPort(const ServicePort& port, const WorkloadEntry& workload);

}  // namespace weft::control::model

#endif  // WEFT_CONTROL_MODEL_SERVICE_H_
