// The listener that connections to the application come to, and its clusters: for each port that the workload listens
// on, mutual TLS of sidecars (known by its ALPN, which also fixes how the bytes are read) and, unless strict, plain.
// Pure functions, any thread.
#ifndef WEFT_CONTROL_COMPILE_INBOUND_H_
#define WEFT_CONTROL_COMPILE_INBOUND_H_

#include <map>
#include <string>
#include <vector>

#include "control/compile/names.h"
#include "control/compile/resource.h"
#include "control/compile/topology.h"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"

namespace weft::control::compile {

inline constexpr uint16_t kInboundPort = 15006;

// How a port is guarded and read. Of several workloads behind one proxy the strictest mode counts.
struct InboundPort {
  Handling handling;  // of plain connections
  model::MtlsMode mode = model::MtlsMode::kUnset;
  Labels labels;  // of the first service that has it
  std::vector<std::string> sources;
};

struct InboundPorts {
  std::map<uint16_t, InboundPort> ports;
  InboundPort others;  // ports that no service declares and no policy names
};

// `workloads` are those that one proxy stands for. None: nothing is declared, and the mode is that of the namespace
// `ns`.
InboundPorts FindInboundPorts(const Topology& topology, const std::string& ns,
                              const std::vector<const model::WorkloadEntry*>& workloads);

struct InboundSide {
  envoy::config::listener::v3::Listener listener;
  ResourceLinks links;
  std::vector<envoy::config::cluster::v3::Cluster> clusters;
};
InboundSide MakeInbound(const Topology& topology, const InboundPorts& ports);

}  // namespace weft::control::compile

#endif  // WEFT_CONTROL_COMPILE_INBOUND_H_
