// Topology: the services of a World with what answers for them, looked up once, for everything that compile/ makes.
// Points into the World, which must outlive it. Built and read on any thread; immutable.
#ifndef WEFT_CONTROL_COMPILE_TOPOLOGY_H_
#define WEFT_CONTROL_COMPILE_TOPOLOGY_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "control/model/world.h"

namespace weft::control::compile {

// How a proxy handles a port: HTTP is read and routed, anything else is passed on as bytes. A port with no declared
// protocol is both: the first bytes tell.
struct Handling {
  bool http = false;
  bool opaque = false;
};
Handling HandlingOf(model::Protocol protocol);

struct EndpointOf {
  const model::WorkloadEntry* workload = nullptr;
  uint16_t port = 0;      // where it listens
  bool mutual = false;    // a sidecar takes mutual TLS there
  std::string principal;  // its SPIFFE id; empty when not mutual
};

// One port of one service.
struct PortTopology {
  const model::Service* service = nullptr;
  const model::ServicePort* port = nullptr;
  Handling handling;
  std::vector<EndpointOf> endpoints;    // by workload name, each address once; those of weight 0 are left out
  std::vector<std::string> principals;  // of the mutual ones; sorted, each once

  const model::TcpRoute* tcp_route = nullptr;            // has every connection that is not read; of several the oldest
  std::vector<const model::TlsRoute*> tls_routes;        // oldest first, then by name
  const model::BackendTlsPolicy* backend_tls = nullptr;  // TLS towards endpoints without a sidecar

  bool AnyMutual() const { return !principals.empty(); }
};

class Topology {
 public:
  explicit Topology(const model::World& world);

  const model::World& world() const { return world_; }
  const std::vector<PortTopology>& ports() const { return ports_; }  // by service name, in the order of its ports
  const PortTopology* Find(const model::Name& service, uint16_t port) const;

  // Of the endpoint address (IP, port): the one service port that traffic straight to it counts for. Headless services
  // first (that is how their clients reach them), then the oldest, then the first by name.
  const PortTopology* OwnerOf(const std::string& address, uint16_t port) const;

  // Those that answer at this address, by name.
  std::vector<const model::WorkloadEntry*> WorkloadsAt(const std::string& address) const;

 private:
  void AttachRoutes();
  void AttachBackendTls();
  void FindOwners();

  const model::World& world_;
  std::vector<PortTopology> ports_;
  std::map<std::pair<model::Name, uint16_t>, size_t> by_name_;
  std::map<std::pair<std::string, uint16_t>, size_t> owners_;
  std::multimap<std::string, const model::WorkloadEntry*> by_address_;
};

// spiffe://TRUST_DOMAIN/ns/NS/sa/SA
std::string PrincipalOf(const model::World& world, const model::WorkloadEntry& workload);
// The label `version` (or app.kubernetes.io/version); empty when there is none.
std::string VersionLabelOf(const model::WorkloadEntry& workload);

}  // namespace weft::control::compile

#endif  // WEFT_CONTROL_COMPILE_TOPOLOGY_H_
