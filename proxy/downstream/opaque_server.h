// Carries one opaque client connection (plain TCP, or TLS that passes sealed) to an endpoint of the chain's cluster.
// Worker thread only.
#ifndef WEFT_PROXY_DOWNSTREAM_OPAQUE_SERVER_H_
#define WEFT_PROXY_DOWNSTREAM_OPAQUE_SERVER_H_

#include "proxy/balance/picker.h"
#include "proxy/base/buffer.h"
#include "proxy/config/snapshot_store.h"
#include "proxy/http/context.h"
#include "proxy/net/byte_stream.h"
#include "proxy/net/relay.h"
#include "proxy/runtime/task.h"

namespace weft::downstream {

// What became of an opaque connection.
struct OpaqueOutcome {
  std::string cluster;
  std::string service, version;  // of the endpoint, for labels
  base::Address endpoint;
  net::RelayCounters relayed;
  telemetry::TryStamps stamps;  // of the last try
  bool failed = false;
  base::Failure failure;  // with `failed`: no endpoint was reached
};

struct OpaqueDeps {
  runtime::Reactor& reactor;
  config::WorkerSnapshots& snapshots;
  balance::Picker& picker;
  // What the client asked for, and was promised, before its TLS began: the server is asked as well, where TLS goes to
  // it.
  config::Preamble preamble = config::Preamble::kNone;
};

// An endpoint that answered, and the stream to it.
struct Reached {
  std::unique_ptr<net::ByteStream> stream;  // null: none did, and the outcome says why
  endpoint::EndpointPtr endpoint;
  endpoint::ClusterPtr cluster;
  std::unique_ptr<base::ByteChain> spoken{};  // what the server has said and nobody has passed on; null: nothing
};

// The first half of ServeOpaque(): for who dials before the client has said a word. The arguments outlive the task.
runtime::Task<Reached> Reach(OpaqueDeps deps, const config::TcpProxySpec& spec, http::ConnectionInfo& info,
                             net::ByteStream& client, OpaqueOutcome& outcome);

// Picks a cluster by weight, an endpoint by the balancer, connects (another endpoint after a failed connect) and copies
// both ways until both have ended. A connection that could be carried nowhere is reset. `received` goes first.
// `outcome` is kept up to date while it runs, so that a connection that is cut is still accounted for. `spec` outlives
// the task. `early`: from Reach(), with its outcome.
runtime::Task<void> ServeOpaque(OpaqueDeps deps, const config::TcpProxySpec& spec, http::ConnectionInfo& info,
                                net::ByteStream& stream, base::ByteChain received, OpaqueOutcome& outcome,
                                Reached early = {});

}  // namespace weft::downstream

#endif  // WEFT_PROXY_DOWNSTREAM_OPAQUE_SERVER_H_
