// Snapshot: one immutable generation of the whole configuration, in the form that the data path uses. Built by
// assemble/ on the main thread, swapped into the workers as one pointer (snapshot_store.h), shared structurally with
// its predecessor: what did not change is the same object. Plans that stages above this level compiled are held by
// pointer to a forward-declared type, so that this file includes nothing above it.
#ifndef WEFT_PROXY_CONFIG_SNAPSHOT_H_
#define WEFT_PROXY_CONFIG_SNAPSHOT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "proxy/base/address.h"
#include "proxy/base/string_map.h"
#include "proxy/config/filter_chains.h"
#include "proxy/config/spec.h"
#include "proxy/endpoint/state.h"
#include "proxy/http/context.h"

namespace weft::route {
class Table;  // compiled RouteConfiguration
}  // namespace weft::route
namespace weft::tls {
class ServerContext;
class ClientContext;
}  // namespace weft::tls

namespace weft::config {

// A member of a cluster.
struct Host {
  endpoint::EndpointPtr state;
  uint32_t weight = 1;
  uint32_t priority = 0;
  bool healthy = true;                            // EDS health_status; ejection is in state
  std::string service, version, principal;        // metadata for metric labels; empty when not told
  std::shared_ptr<const tls::ClientContext> tls;  // null: plain (chosen by transport_socket_matches)
  uint64_t transport_key = 0;                     // pools are keyed by it: a hash of the transport settings
};

struct Cluster {
  ClusterSpec spec;
  endpoint::ClusterPtr state;
  std::vector<Host> hosts;                        // empty for ORIGINAL_DST
  std::shared_ptr<const tls::ClientContext> tls;  // of the cluster itself (ORIGINAL_DST uses it)
  uint64_t transport_key = 0;
  bool ready = true;  // false: waits for endpoints or secrets
};

// What a filter chain does with its connections.
struct HttpChain {
  HttpConnectionSpec spec;
  std::shared_ptr<const route::Table> routes;  // null: the RDS resource has not come
};
struct TcpChain {
  TcpProxySpec spec;
};

// A connection that stays for long may keep its chain beyond the Snapshot.
struct FilterChain : std::enable_shared_from_this<FilterChain> {
  std::string name;
  FilterChainMatchSpec match;
  Preamble preamble = Preamble::kNone;
  std::shared_ptr<const tls::ServerContext> tls;             // null: plain or passed through
  runtime::Duration tls_timeout = std::chrono::seconds(15);  // transport_socket_connect_timeout
  bool needs_secret = false;                                 // TLS is asked for, its certificate has not come
  std::optional<HttpChain> http;                             // exactly one of http and tcp is set
  std::optional<TcpChain> tcp;
};

// What is known of a connection when a filter chain is chosen.
struct ConnectionFacts {
  base::Address destination;
  base::Address source;          // the client
  base::Address direct_source;   // who connected; not valid: the client did
  bool tls = false;              // the first bytes are a ClientHello
  std::string_view server_name;  // from SNI, lower case
  bool may_be_hidden = false;    // and another name may be encrypted
  std::vector<std::string_view>
      application_protocols;  // ALPN of the ClientHello, or "http/1.1" / "h2" detected in plain bytes
};

struct Listener {
  ListenerSpec spec;
  FilterChains chains;
  std::shared_ptr<const FilterChain> default_chain;
  // False when every chain ignores the first bytes, or nothing reads them.
  bool needs_first_bytes = false;
  bool needs_original_destination = false;
  // Some chain of it sends connections to their original destination: one that nothing redirected would come back to
  // us.
  bool loops_without_redirect = false;

  // Envoy's order of the match: destination port, destination prefix, server name (exact, then the longest wildcard),
  // transport protocol, application protocol, prefix of who connected, source type, source prefix, source port; most
  // specific first at each step, and never back: what a later step refuses is refused. Null: none.
  const FilterChain* Match(const ConnectionFacts& facts) const;
  // Whether the bytes can still change what Match() says, once destination and source are known. False: nobody waits
  // for a client of a protocol in which the server speaks first.
  bool NeedsFirstBytes(const ConnectionFacts& facts) const;
  // That which some chain of this destination declares.
  Preamble PreambleFor(const base::Address& destination) const;
  // Some chain of this destination does.
  bool DeniesHiddenNames(const base::Address& destination) const;
};

// The listeners of a Snapshot by name, and by address for use_original_dst. Reads like a map; each change brings the
// index of addresses up to date, so that nobody can forget to. Filled on the main thread, then immutable.
class ListenerSet {
 public:
  using ByName = base::StringMap<std::shared_ptr<const Listener>>;

  ListenerSet() = default;
  ListenerSet& operator=(ByName listeners);
  // Indexes all of them again: for tests, which have few. False: the name is taken.
  bool emplace(std::string name, std::shared_ptr<const Listener> listener);

  ByName::const_iterator begin() const { return by_name_.begin(); }
  ByName::const_iterator end() const { return by_name_.end(); }
  ByName::const_iterator find(std::string_view name) const { return by_name_.find(name); }
  size_t size() const { return by_name_.size(); }
  bool empty() const { return by_name_.empty(); }

  // The listener that is configured for this very address.
  const Listener* At(const base::Address& address) const;

 private:
  void Index();

  ByName by_name_;
  absl::flat_hash_map<base::Address, const Listener*, base::AddressHash> by_address_;
};

class Snapshot {
 public:
  uint64_t generation = 0;  // counts up with each published Snapshot
  std::string revision;     // of the control plane (version_info), for metrics
  base::StringMap<std::shared_ptr<const Cluster>> clusters;
  ListenerSet listeners;

  const Cluster* FindCluster(std::string_view name) const {
    auto found = clusters.find(name);
    return found == clusters.end() ? nullptr : found->second.get();
  }
  // The listener that is configured for this address and port, or for the wildcard address and this port
  // (use_original_dst).
  const Listener* FindListenerFor(const base::Address& destination) const;
  const Listener* FindListener(std::string_view name) const {
    auto found = listeners.find(name);
    return found == listeners.end() ? nullptr : found->second.get();
  }
};

}  // namespace weft::config

#endif  // WEFT_PROXY_CONFIG_SNAPSHOT_H_
