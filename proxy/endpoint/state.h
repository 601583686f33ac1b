// What is known of a cluster and of an endpoint beyond its configuration: load, health, outcome counters. One object
// per proxy, shared by all workers, and it outlives Snapshots: an endpoint that stays in a cluster keeps its state
// through every config change. Written with relaxed atomics only; upstream/ and health/ write, balance/ and admin/
// read.
#ifndef WEFT_PROXY_ENDPOINT_STATE_H_
#define WEFT_PROXY_ENDPOINT_STATE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "proxy/base/address.h"

namespace weft::endpoint {

// Relaxed atomic number: the only kind of sharing on the data path.
template <class T>
class Relaxed {
 public:
  explicit Relaxed(T value = T{}) : value_(value) {}
  T load() const { return value_.load(std::memory_order_relaxed); }
  void store(T value) { value_.store(value, std::memory_order_relaxed); }
  T fetch_add(T by) { return value_.fetch_add(by, std::memory_order_relaxed); }
  T fetch_sub(T by) { return value_.fetch_sub(by, std::memory_order_relaxed); }

 private:
  std::atomic<T> value_;
};

class EndpointState {
 public:
  EndpointState(std::string cluster_in, base::Address address_in, std::string hostname_in)
      : cluster(std::move(cluster_in)), address(address_in), hostname(std::move(hostname_in)) {}

  const std::string cluster;
  const base::Address address;
  const std::string hostname;  // of STRICT_DNS, or Endpoint.hostname

  // Any thread.
  Relaxed<int64_t> active_requests;
  Relaxed<int64_t> active_connections;
  Relaxed<uint64_t> requests;
  Relaxed<uint64_t> successes;  // answered, not 5xx
  Relaxed<uint64_t> errors;     // 5xx, or no answer
  Relaxed<uint64_t> connects;
  Relaxed<uint64_t> connect_failures;
  Relaxed<bool> healthy{true};  // EDS health_status, later active checks and ejection
  // Idle time after which this endpoint was seen to close kept-alive connections; 0: not learnt.
  Relaxed<int64_t> learnt_idle_timeout_ms;
};

class ClusterState {
 public:
  explicit ClusterState(std::string name_in) : name(std::move(name_in)) {}
  const std::string name;

  // Any thread. Compared with the limits of the circuit breaker.
  Relaxed<int64_t> active_connections;
  Relaxed<int64_t> active_requests;
  Relaxed<int64_t> pending_requests;
  Relaxed<int64_t> active_retries;
  Relaxed<uint64_t> requests;
  Relaxed<uint64_t> overflows;
};

using EndpointPtr = std::shared_ptr<EndpointState>;
using ClusterPtr = std::shared_ptr<ClusterState>;

}  // namespace weft::endpoint

#endif  // WEFT_PROXY_ENDPOINT_STATE_H_
