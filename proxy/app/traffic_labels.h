// TrafficLabels: finds the metric labels of a request or connection: who called (from the certificate; of outbound
// traffic our own workload) and what was called (from the configuration), as the small ids of telemetry::SeriesKey.
// Remembers what it resolved, so that a request in steady state costs two looks into small tables. One per worker,
// worker thread only.
#ifndef WEFT_PROXY_APP_TRAFFIC_LABELS_H_
#define WEFT_PROXY_APP_TRAFFIC_LABELS_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/config/snapshot.h"
#include "proxy/downstream/opaque_server.h"
#include "proxy/http/context.h"
#include "proxy/telemetry/worker_metrics.h"

namespace weft::app {

struct Workload {
  std::string namespace_name, service_account;
  std::string principal;  // its certificate's URI, for logs; only of our own
};
// Of "spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT"; both empty when it is not of that form.
Workload WorkloadOf(std::string_view principal);

telemetry::Direction DirectionOf(const http::ConnectionInfo& connection);

class TrafficLabels {
 public:
  explicit TrafficLabels(telemetry::WorkerMetrics& metrics) : metrics_(metrics) {}

  // Who this proxy stands beside: the source of its outbound traffic.
  void SetOwn(Workload own) {
    own_ = std::move(own);
    ++own_version_;
  }
  const Workload& own() const { return own_; }

  // Without code class and reason.
  telemetry::SeriesKey OfRequest(const http::Context& context);
  // `snapshot` may be null.
  telemetry::SeriesKey OfOpaque(const downstream::OpaqueOutcome& outcome, const http::ConnectionInfo& connection,
                                const config::Snapshot* snapshot);

 private:
  struct Caller {
    uint64_t connection = UINT64_MAX;
    uint32_t epoch = 0, own_version = 0;
    uint16_t source = 0;
    uint16_t listener_service = 0;                // destination of requests that reached no cluster
    telemetry::Tls tls = telemetry::Tls::kPlain;  // of the client's connection
  };
  struct Called {
    std::string cluster;  // its text: a cluster_header puts other names at the same place
    uint64_t generation = 0;
    size_t endpoint = 0;
    uint32_t epoch = 0;
    uint16_t destination = 0;
    telemetry::Tls tls = telemetry::Tls::kPlain;  // towards the endpoint
  };
  static constexpr size_t kRemembered = 128;

  uint16_t SourceOf(const http::ConnectionInfo& connection);
  uint16_t ListenerService(const http::ConnectionInfo& connection, const config::Snapshot* snapshot);
  const Caller& CallerOf(const http::ConnectionInfo& connection, const config::Snapshot* snapshot);
  const Called& CalledOf(std::string_view cluster, const base::Address& endpoint, const config::Snapshot& snapshot);

  telemetry::WorkerMetrics& metrics_;
  Workload own_;
  uint32_t own_version_ = 1;
  // Direct-mapped: a newer entry takes the place of an older one.
  std::array<Caller, kRemembered> callers_;
  std::array<Called, kRemembered> called_;
};

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_TRAFFIC_LABELS_H_
