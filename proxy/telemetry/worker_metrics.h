// WorkerMetrics: everything that one worker counts. Its worker writes; the main thread reads through Metrics. Nothing
// here locks; nothing allocates except the first use of a series.
#ifndef WEFT_PROXY_TELEMETRY_WORKER_METRICS_H_
#define WEFT_PROXY_TELEMETRY_WORKER_METRICS_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "proxy/base/time.h"
#include "proxy/telemetry/labels.h"
#include "proxy/telemetry/named_counters.h"
#include "proxy/telemetry/series.h"

namespace weft::telemetry {

// Upper bounds of weft_request_duration_seconds, in microseconds.
inline constexpr std::array<int64_t, 13> kDurationBoundsMicros = {
    500, 1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 10'000'000};
inline constexpr int kBuckets = static_cast<int>(kDurationBoundsMicros.size()) + 1;  // the last one has no bound

// weft_requests_total, by all labels.
using RequestCells = Cells<1, 1>;
// By direction and destination: the duration's buckets (each value in one of them), its sum in nanoseconds, content
// bytes.
struct ServiceCells : Cells<kBuckets + 3, kBuckets + 4> {
  static constexpr int kSumNanos = kBuckets, kRequestBytes = kBuckets + 1, kResponseBytes = kBuckets + 2;
};
// By all labels but the code class.
struct TcpCells : Cells<3, 3> {
  static constexpr int kConnections = 0, kReceived = 1, kSent = 2;
};

// Counters that are always there, of one direction.
struct DirectionCounters {
  Cell connections_opened, connections_closed;
  Cell bytes_received, bytes_sent;                    // content, from and to the clients
  std::array<Cell, kTlsKinds> tls_accepted;           // handshakes that we ended as the server
  std::array<Cell, base::kFailureKindCount> refused;  // connections
  NamedCounters malformed;                            // messages
  NamedCounters tls_refused;                          // clients' handshakes that failed, by the word of proxy/tls
  NamedCounters tls_failed;                           // the same of handshakes with endpoints
  Cell retries;                                       // tries after the first
  Cell upstream_connects, upstream_reused;            // last tries that dialled, that found a pooled connection
  std::array<Cell, base::kFailureKindCount> upstream_failed;
};

class Metrics;

class WorkerMetrics {
 public:
  // Posts work to the main thread.
  using PostToMain = std::function<void(std::function<void()>)>;
  static constexpr uint32_t kIdleSweeps = 15;  // one a minute: a series that was not used for so long leaves the page

  WorkerMetrics(Metrics& owner, PostToMain post_to_main);

  // Ids for a SeriesKey. They stay valid while label_epoch() stays the same.
  uint16_t Source(std::string_view namespace_name, std::string_view service_account) {
    return sources_.Intern(namespace_name, service_account);
  }
  uint16_t Destination(std::string_view service, std::string_view version) {
    return destinations_.Intern(service, version);
  }
  uint32_t label_epoch() const { return label_epoch_; }

  void CountRequest(const SeriesKey& key, base::Duration duration, uint64_t request_bytes, uint64_t response_bytes);
  // A finished opaque connection; the key's code class is not used.
  void CountTcp(SeriesKey key, uint64_t received, uint64_t sent);

  // Call about once a minute.
  void Sweep();

  std::array<DirectionCounters, kDirections> by_direction;
  Cell accepts_out_of_descriptors, accepts_failed;
  Cell replies_logged, replies_not_logged;  // local replies: lines of the proxy's log, and what sampling left out
  Cell access_log_lines, access_log_dropped;
  Cell series_overflows;

 private:
  friend class Metrics;
  template <class CellsT>
  Series<CellsT>& FindOrMake(SeriesSet<CellsT>& set, const SeriesKey& key);
  template <class CellsT>
  Series<CellsT>& Make(SeriesSet<CellsT>& set, const SeriesKey& key);
  template <class CellsT>
  void SweepSet(SeriesSet<CellsT>& set);

  Metrics& owner_;
  const PostToMain post_to_main_;
  SeriesSet<RequestCells> requests_;
  SeriesSet<ServiceCells> services_;
  SeriesSet<TcpCells> tcp_;
  // Worker only.
  LabelPairs sources_, destinations_;
  uint32_t label_epoch_ = 0;
  uint32_t sweep_ = 0;
};

}  // namespace weft::telemetry

#endif  // WEFT_PROXY_TELEMETRY_WORKER_METRICS_H_
