// Recorder: what one worker's data path tells, turned into metrics, access log lines and, sampled, lines of the proxy's
// own log for every reply that this proxy made itself and every connection that it refused. Made on the main thread
// before its worker runs; afterwards worker thread only.
#ifndef WEFT_PROXY_APP_RECORDER_H_
#define WEFT_PROXY_APP_RECORDER_H_

#include <string>

#include "proxy/app/access_logger.h"
#include "proxy/app/observer.h"
#include "proxy/app/traffic_labels.h"
#include "proxy/config/snapshot_store.h"
#include "proxy/runtime/reactor.h"
#include "proxy/runtime/timer_wheel.h"
#include "proxy/telemetry/log.h"
#include "proxy/telemetry/log_writer.h"
#include "proxy/telemetry/metrics.h"

namespace weft::app {

struct RecorderDeps {
  runtime::Reactor& reactor;
  telemetry::WorkerMetrics& metrics;  // of this worker: telemetry::Metrics::AddWorker()
  telemetry::LogWriter& log_writer;
  Workload own;  // who this proxy stands beside; may be empty
};

class Recorder final : public Observer, private runtime::Timer {
 public:
  explicit Recorder(RecorderDeps deps);

  // The worker's Snapshots: with them opaque connections get the labels of their configuration.
  void WatchSnapshots(const config::WorkerSnapshots& snapshots) { snapshots_ = &snapshots; }
  // A certificate told who we are.
  void SetOwn(Workload own) { labels_.SetOwn(std::move(own)); }

  void OnConnectionOpen(const http::ConnectionInfo& connection) override;
  void OnConnectionClose(const http::ConnectionInfo& connection) override;
  void OnConnectionRefused(const base::Failure& failure, const http::ConnectionInfo& connection) override;
  void OnTlsAccepted(const http::ConnectionInfo& connection) override;
  void OnOpaqueDone(const downstream::OpaqueOutcome& outcome, const http::ConnectionInfo& connection,
                    const config::FilterChain& chain) override;
  void OnAcceptFailed(int error) override;
  void OnRequestDone(const http::RequestHead& request, const http::ResponseHead* response,
                     http::Context& context) override;
  void OnMalformed(const base::Failure& failure, http::ConnectionInfo& connection) override;

 private:
  // Lets through a few lines a second, in bursts.
  class Sampler {
   public:
    static constexpr uint32_t kBurst = 20;
    static constexpr runtime::Duration kRefill = std::chrono::milliseconds(200);
    bool Allow(runtime::TimePoint now);

   private:
    uint32_t left_ = kBurst;
    runtime::TimePoint filled_{};
  };

  void Begin();
  void OnTimer() override;
  telemetry::DirectionCounters& CountersOf(const http::ConnectionInfo& connection) {
    return metrics_.by_direction[static_cast<size_t>(DirectionOf(connection))];
  }
  // Whether a line of this level is to be written; counts it.
  bool MayLog(Sampler& sampler, telemetry::Component component, telemetry::LogLevel level);
  void LogRequest(const http::RequestHead& request, const http::ResponseHead* response, const http::Context& context);
  void CountUpstream(telemetry::DirectionCounters& counters, const telemetry::TryStamps& stamps,
                     const base::Failure* failure);
  void LogOpaque(const downstream::OpaqueOutcome& outcome, const http::ConnectionInfo& connection);

  runtime::Reactor& reactor_;
  telemetry::WorkerMetrics& metrics_;
  telemetry::LogWriter& log_writer_;
  TrafficLabels labels_;
  AccessLogger access_;
  const config::WorkerSnapshots* snapshots_ = nullptr;
  Sampler replies_, refusals_, malformed_;
  bool begun_ = false;
};

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_RECORDER_H_
