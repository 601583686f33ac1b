#include "proxy/telemetry/metrics.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace weft::telemetry {
namespace {

Page::Labels RequestLabels(const LabelTexts& texts) {
  return {{"direction", texts.direction},
          {"source_namespace", texts.source_namespace},
          {"source_service_account", texts.source_service_account},
          {"destination_service", texts.destination_service},
          {"destination_version", texts.destination_version},
          {"code_class", texts.code_class},
          {"tls", texts.tls},
          {"reason", texts.reason}};
}

Page::Labels TcpLabels(const LabelTexts& texts) {
  Page::Labels labels = RequestLabels(texts);
  std::erase_if(labels, [](const auto& label) { return label.first == "code_class"; });
  return labels;
}

Page::Labels ServiceLabels(const LabelTexts& texts) {
  return {{"direction", texts.direction},
          {"destination_service", texts.destination_service},
          {"destination_version", texts.destination_version}};
}

double Number(uint64_t value) { return static_cast<double>(value); }

}  // namespace

Metrics::Metrics(int64_t series_limit)
    : budget_(std::clamp<int64_t>(series_limit, 0, kMaxSeriesLimit)), reserve_(kReserve) {}
Metrics::~Metrics() = default;

WorkerMetrics& Metrics::AddWorker(WorkerMetrics::PostToMain post_to_main) {
  workers_.push_back(std::make_unique<WorkerMetrics>(*this, std::move(post_to_main)));
  return *workers_.back();
}

template <>
Metrics::Totals<RequestCells>& Metrics::retired<RequestCells>() const {
  return retired_requests_;
}
template <>
Metrics::Totals<ServiceCells>& Metrics::retired<ServiceCells>() const {
  return retired_services_;
}
template <>
Metrics::Totals<TcpCells>& Metrics::retired<TcpCells>() const {
  return retired_tcp_;
}

template <class CellsT>
void Metrics::Retire(const Series<CellsT>& series) {
  auto& totals = retired<CellsT>()[series.labels];
  for (size_t i = 0; i < totals.size(); ++i) totals[i] += series.cells.at[i].value();
  if (series.charged != nullptr) series.charged->Give(CellsT::kSamples);
}
template void Metrics::Retire(const Series<RequestCells>&);
template void Metrics::Retire(const Series<ServiceCells>&);
template void Metrics::Retire(const Series<TcpCells>&);

template <class CellsT>
Metrics::Totals<CellsT> Metrics::Sum(SeriesSet<CellsT> WorkerMetrics::* set) const {
  Totals<CellsT> totals;
  for (const auto& worker : workers_) {
    ((*worker).*set).ForEach([&](const Series<CellsT>& one) {
      auto& sum = totals[one.labels];
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += one.cells.at[i].value();
    });
  }
  auto& dropped = retired<CellsT>();
  std::erase_if(dropped, [&](const auto& gone) { return !totals.contains(gone.first); });
  for (const auto& [labels, cells] : dropped) {
    auto& sum = totals[labels];
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += cells[i];
  }
  return totals;
}

uint64_t Metrics::Sum(Cell WorkerMetrics::* cell) const {
  uint64_t sum = 0;
  for (const auto& worker : workers_) sum += ((*worker).*cell).value();
  return sum;
}

void Metrics::AddTraffic(Page& page) const {
  for (const auto& [texts, cells] : Sum(&WorkerMetrics::requests_)) {
    page.Counter("requests_total", "HTTP requests that ended, by who called what and how it went.",
                 RequestLabels(texts), Number(cells[0]));
  }
  for (const auto& [texts, cells] : Sum(&WorkerMetrics::services_)) {
    const Page::Labels labels = ServiceLabels(texts);
    std::vector<prometheus::ClientMetric::Bucket> buckets;
    uint64_t count = 0;
    for (int i = 0; i < kBuckets; ++i) {
      count += cells[static_cast<size_t>(i)];
      const double bound = i + 1 < kBuckets
                               ? Number(static_cast<uint64_t>(kDurationBoundsMicros[static_cast<size_t>(i)])) / 1e6
                               : std::numeric_limits<double>::infinity();
      buckets.push_back({count, bound});
    }
    page.Histogram("request_duration_seconds", "Time from a request's head to the last byte of its response.", labels,
                   std::move(buckets), Number(cells[ServiceCells::kSumNanos]) / 1e9);
    page.Counter("request_bytes_total", "Content bytes of requests.", labels,
                 Number(cells[ServiceCells::kRequestBytes]));
    page.Counter("response_bytes_total", "Content bytes of responses.", labels,
                 Number(cells[ServiceCells::kResponseBytes]));
  }
  for (const auto& [texts, cells] : Sum(&WorkerMetrics::tcp_)) {
    const Page::Labels labels = TcpLabels(texts);
    page.Counter("tcp_connections_total", "Opaque connections that ended.", labels,
                 Number(cells[TcpCells::kConnections]));
    page.Counter("tcp_received_bytes_total", "Bytes that clients sent over opaque connections that ended.", labels,
                 Number(cells[TcpCells::kReceived]));
    page.Counter("tcp_sent_bytes_total", "Bytes that clients were sent over opaque connections that ended.", labels,
                 Number(cells[TcpCells::kSent]));
  }
}

void Metrics::AddConnections(Page& page) const {
  for (int i = 0; i < kDirections; ++i) {
    const Page::Labels direction = {{"direction", Name(static_cast<Direction>(i))}};
    const auto labels_with = [&](std::string_view name, std::string_view value) {
      Page::Labels labels = direction;
      labels.emplace_back(name, value);
      return labels;
    };
    uint64_t opened = 0, closed = 0, received = 0, sent = 0;
    std::array<uint64_t, kTlsKinds> accepted{};
    std::array<uint64_t, base::kFailureKindCount> refused{};
    std::map<std::string, uint64_t, std::less<>> malformed, tls_refused, tls_failed;
    for (const auto& worker : workers_) {
      const DirectionCounters& counters = worker->by_direction[static_cast<size_t>(i)];
      closed += counters.connections_closed.value();  // before opened: the difference must not be negative
      opened += counters.connections_opened.value();
      received += counters.bytes_received.value();
      sent += counters.bytes_sent.value();
      for (size_t k = 0; k < accepted.size(); ++k) accepted[k] += counters.tls_accepted[k].value();
      for (size_t k = 0; k < refused.size(); ++k) refused[k] += counters.refused[k].value();
      const auto add_to = [](std::map<std::string, uint64_t, std::less<>>& sums) {
        return [&sums](std::string_view reason, uint64_t count) { sums[std::string(reason)] += count; };
      };
      counters.malformed.ForEach(add_to(malformed));
      counters.tls_refused.ForEach(add_to(tls_refused));
      counters.tls_failed.ForEach(add_to(tls_failed));
    }
    page.Counter("connections_total", "Client connections that were accepted.", direction, Number(opened));
    page.Gauge("connections_active", "Client connections that are open.", direction,
               Number(opened - std::min(opened, closed)));
    page.Counter("received_bytes_total", "Content bytes from clients, HTTP and opaque.", direction, Number(received));
    page.Counter("sent_bytes_total", "Content bytes to clients, HTTP and opaque.", direction, Number(sent));
    for (size_t k = 0; k < accepted.size(); ++k) {
      if (accepted[k] == 0) continue;
      page.Counter("tls_accepted_total", "TLS handshakes with clients that succeeded.",
                   labels_with("tls", Name(static_cast<Tls>(k))), Number(accepted[k]));
    }
    for (size_t k = 0; k < refused.size(); ++k) {
      if (refused[k] == 0) continue;
      page.Counter("connections_refused_total", "Client connections that were refused before anything was served.",
                   labels_with("reason", base::Name(static_cast<base::FailureKind>(k))), Number(refused[k]));
    }
    for (const auto& [peer, sums] : {std::pair{"downstream", &tls_refused}, {"upstream", &tls_failed}}) {
      for (const auto& [reason, count] : *sums) {
        Page::Labels labels = labels_with("peer", peer);
        labels.emplace_back("reason", reason);
        page.Counter("tls_failures_total", "TLS handshakes that failed, by the first word of the reason.", labels,
                     Number(count));
      }
    }
    for (const auto& [reason, count] : malformed) {
      page.Counter("malformed_requests_total", "Messages that could not be read as a request.",
                   labels_with("reason", reason), Number(count));
    }
  }
  page.Counter("accept_failures_total", "Times that no connection could be accepted.",
               {{"reason", "out_of_descriptors"}}, Number(Sum(&WorkerMetrics::accepts_out_of_descriptors)));
  page.Counter("accept_failures_total", "", {{"reason", "other"}}, Number(Sum(&WorkerMetrics::accepts_failed)));
}

void Metrics::AddUpstream(Page& page) const {
  for (int i = 0; i < kDirections; ++i) {
    const std::string_view direction = Name(static_cast<Direction>(i));
    uint64_t retries = 0, connects = 0, reused = 0;
    std::array<uint64_t, base::kFailureKindCount> failed{};
    for (const auto& worker : workers_) {
      const DirectionCounters& counters = worker->by_direction[static_cast<size_t>(i)];
      retries += counters.retries.value();
      connects += counters.upstream_connects.value();
      reused += counters.upstream_reused.value();
      for (size_t k = 0; k < failed.size(); ++k) failed[k] += counters.upstream_failed[k].value();
    }
    page.Counter("retries_total", "Tries after the first, of requests.", {{"direction", direction}}, Number(retries));
    constexpr std::string_view kHelp =
        "Last tries of requests and opaque connections, by the connection that they used.";
    page.Counter("upstream_connections_total", kHelp, {{"direction", direction}, {"kind", "new"}}, Number(connects));
    page.Counter("upstream_connections_total", kHelp, {{"direction", direction}, {"kind", "reused"}}, Number(reused));
    for (size_t k = 0; k < failed.size(); ++k) {
      if (failed[k] == 0) continue;
      page.Counter("upstream_failures_total", "Requests and opaque connections that failed on the endpoint's side.",
                   {{"direction", direction}, {"reason", base::Name(static_cast<base::FailureKind>(k))}},
                   Number(failed[k]));
    }
  }
}

void Metrics::AddOwn(Page& page) const {
  page.Counter("local_replies_logged_total", "Replies of this proxy's own making that its log shows.", {},
               Number(Sum(&WorkerMetrics::replies_logged)));
  page.Counter("local_replies_not_logged_total",
               "Replies of this proxy's own making that the sampling of its log left out.", {},
               Number(Sum(&WorkerMetrics::replies_not_logged)));
  page.Counter("access_log_lines_total", "Lines handed to the access logs.", {},
               Number(Sum(&WorkerMetrics::access_log_lines)));
  page.Counter("access_log_dropped_total", "Access log lines dropped because their writer was behind.", {},
               Number(Sum(&WorkerMetrics::access_log_dropped)));
  page.Gauge("metric_series", "Lines of this page that traffic made.", {},
             Number(static_cast<uint64_t>(budget_.used() + reserve_.used())));
  page.Gauge("metric_series_limit",
             "Lines of this page that traffic may make; what comes later is counted as \"other\".", {},
             Number(static_cast<uint64_t>(budget_.limit())));
  page.Counter("metric_series_overflow_total",
               "Times that something was counted as \"other\" because the limit was reached.", {},
               Number(Sum(&WorkerMetrics::series_overflows)));
}

std::vector<prometheus::MetricFamily> Metrics::Collect() const {
  Page page;
  AddTraffic(page);
  AddConnections(page);
  AddUpstream(page);
  AddOwn(page);
  for (const auto& source : sources_) source(page);
  return page.Take();
}

}  // namespace weft::telemetry
