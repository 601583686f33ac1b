// Metrics: all that a proxy counts, summed over its workers at the scrape without stopping them. Main thread only;
// outlives the workers' threads. Bounded: series of traffic share one budget of lines, what comes later is counted
// under "other".
#ifndef WEFT_PROXY_TELEMETRY_METRICS_H_
#define WEFT_PROXY_TELEMETRY_METRICS_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "prometheus/collectable.h"
#include "proxy/telemetry/page.h"
#include "proxy/telemetry/worker_metrics.h"

namespace weft::telemetry {

class Metrics final : public prometheus::Collectable {
 public:
  static constexpr int64_t kDefaultSeriesLimit = 2000;
  static constexpr int64_t kMaxSeriesLimit = 3000;
  static constexpr int64_t kReserve = 500;  // for the series without names

  explicit Metrics(int64_t series_limit = kDefaultSeriesLimit);
  ~Metrics() override;

  // Before the worker runs.
  WorkerMetrics& AddWorker(WorkerMetrics::PostToMain post_to_main);
  // Adds to each page: what others than the data path know (configuration, certificates, process).
  void AddSource(std::function<void(Page&)> source) { sources_.push_back(std::move(source)); }

  std::vector<prometheus::MetricFamily> Collect() const override;
  std::string Text() const { return ToText(Collect()); }

 private:
  friend class WorkerMetrics;
  template <class CellsT>
  using Totals = std::map<LabelTexts, std::array<uint64_t, CellsT::kSize>>;

  template <class CellsT>
  void Retire(const Series<CellsT>& series);
  template <class CellsT>
  Totals<CellsT> Sum(SeriesSet<CellsT> WorkerMetrics::* set) const;
  template <class CellsT>
  Totals<CellsT>& retired() const;
  uint64_t Sum(Cell WorkerMetrics::* cell) const;
  void AddTraffic(Page& page) const;
  void AddConnections(Page& page) const;
  void AddUpstream(Page& page) const;
  void AddOwn(Page& page) const;

  SeriesBudget budget_;
  SeriesBudget reserve_;
  std::vector<std::unique_ptr<WorkerMetrics>> workers_;
  std::vector<std::function<void(Page&)>> sources_;
  // What workers counted in series that they have dropped, while another worker still has the same series: a counter
  // must not fall. Forgotten with the last of them, at the next scrape.
  mutable Totals<RequestCells> retired_requests_;
  mutable Totals<ServiceCells> retired_services_;
  mutable Totals<TcpCells> retired_tcp_;
};

}  // namespace weft::telemetry

#endif  // WEFT_PROXY_TELEMETRY_METRICS_H_
