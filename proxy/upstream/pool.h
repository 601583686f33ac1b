// Pools of HTTP/1.1 connections: one Pool per worker, endpoint and transport settings; where a PROXY header names the
// client, also per client connection. The newest idle connection is
// used first, so that spare ones grow old and are closed. Worker thread only; writes endpoint/.
#ifndef WEFT_PROXY_UPSTREAM_POOL_H_
#define WEFT_PROXY_UPSTREAM_POOL_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/base/result.h"
#include "proxy/config/snapshot.h"
#include "proxy/http/context.h"
#include "proxy/net/socket.h"
#include "proxy/runtime/reactor.h"
#include "proxy/runtime/task.h"
#include "proxy/upstream/connection.h"

namespace weft::upstream {

class Pool final : public std::enable_shared_from_this<Pool>, private runtime::Timer {
 public:
  // `proxy_header`: what each connection begins with; empty: nothing.
  Pool(runtime::Reactor& reactor, const config::Cluster& cluster, const config::Host& host,
       std::string proxy_header = {});
  ~Pool() override;

  // An idle connection that is fit for the request, or null. A request that must not be sent twice gets only a
  // connection that was used a moment ago and whose socket says that the peer is still there (the keep-alive race, RFC
  // 9112 section 9.3.1).
  std::unique_ptr<Connection> TakeIdle(bool may_send_twice);
  // A new connection: connect within the cluster's connect timeout, then TLS.
  runtime::Task<base::Result<std::unique_ptr<Connection>>> Dial(telemetry::TryStamps* stamps);
  // Back after a complete response. Closes it when it may not be kept.
  void Return(std::unique_ptr<Connection> connection);
  // A connection ended while idle: closes it.
  void CloseIdle(Connection* connection);
  void CloseAllIdle();

  endpoint::EndpointState& endpoint() { return *endpoint_; }
  endpoint::ClusterState& cluster() { return *cluster_; }
  size_t idle() const { return idle_count_; }
  runtime::Reactor& reactor() const { return reactor_; }

 private:
  friend class PoolSet;
  std::unique_ptr<Connection> Unlink(Connection* connection);
  void OnTimer() override;  // closes what has been idle for too long
  void ArmIdleTimer();
  bool IsSecondOfItsKind(std::chrono::milliseconds idle_for);

  runtime::Reactor& reactor_;
  const endpoint::EndpointPtr endpoint_;
  const endpoint::ClusterPtr cluster_;
  std::shared_ptr<const tls::ClientContext> tls_;  // renewed with the certificate: the key leaves certificates out
  const std::string proxy_header_;
  const net::DialOptions dial_options_;
  const runtime::Duration connect_timeout_;
  const runtime::Duration idle_timeout_;
  const uint32_t max_requests_per_connection_;
  base::List<Connection> idle_;  // oldest first; owned
  size_t idle_count_ = 0;
  bool retired_ = false;                         // no longer configured: nothing is kept
  runtime::TimePoint short_close_at_{};          // when the endpoint last closed a young idle connection,
  std::chrono::milliseconds short_close_age_{};  // and how old it was
};

// All pools of a worker.
class PoolSet {
 public:
  static constexpr size_t kMaxIdlePerPool = 256;

  explicit PoolSet(runtime::Reactor& reactor) : reactor_(reactor) {}
  // The pool for this host and, with a PROXY header, this client; stays valid in this turn, and longer for who holds
  // it.
  Pool& For(const config::Cluster& cluster, const config::Host& host, const http::ConnectionInfo& client);
  // Closes idle connections of endpoints and transports that the snapshot no longer has. Call after a swap, from the
  // top of the loop. Pools with connections in use stay.
  void Sweep(const config::Snapshot& snapshot);
  void CloseIdle();

  runtime::Reactor& reactor() { return reactor_; }
  size_t idle_connections() const;
  size_t size() const { return pools_.size(); }

 private:
  using Key = std::tuple<const endpoint::EndpointState*, uint64_t, std::string>;  // the last: the PROXY header
  static constexpr size_t kFewPools = 256;

  void DropUnused();

  runtime::Reactor& reactor_;
  absl::flat_hash_map<Key, std::shared_ptr<Pool>> pools_;
  size_t drop_unused_at_ = kFewPools;  // that many pools
};

}  // namespace weft::upstream

#endif  // WEFT_PROXY_UPSTREAM_POOL_H_
