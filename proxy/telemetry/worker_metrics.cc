#include "proxy/telemetry/worker_metrics.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "proxy/telemetry/metrics.h"

namespace weft::telemetry {

WorkerMetrics::WorkerMetrics(Metrics& owner, PostToMain post_to_main)
    : owner_(owner), post_to_main_(std::move(post_to_main)) {}

template <class CellsT>
Series<CellsT>& WorkerMetrics::FindOrMake(SeriesSet<CellsT>& set, const SeriesKey& key) {
  Series<CellsT>* found = set.Find(key.packed());
  if (found == nullptr) return Make(set, key);
  found->last_used = sweep_;
  return *found;
}

// The series itself while there is room; else the one without names, for which some room is kept; else one for all the
// rest.
template <class CellsT>
Series<CellsT>& WorkerMetrics::Make(SeriesSet<CellsT>& set, const SeriesKey& key) {
  const auto add = [&](const SeriesKey& which, SeriesBudget* charged) -> Series<CellsT>& {
    auto series = std::make_unique<Series<CellsT>>(which, TextsOf(which, sources_, destinations_));
    series->last_used = sweep_;
    series->charged = charged;
    return *set.Add(std::move(series));
  };
  if (owner_.budget_.Take(CellsT::kSamples)) return add(key, &owner_.budget_);
  series_overflows.Add();
  SeriesKey nameless = key;
  nameless.source = nameless.destination = kOtherPair;
  if (auto* found = set.Find(nameless.packed())) {
    found->last_used = sweep_;
    return *found;
  }
  if (owner_.reserve_.Take(CellsT::kSamples)) return add(nameless, &owner_.reserve_);
  SeriesKey rest;
  rest.direction = Direction::kOther;
  rest.tls = Tls::kOther;
  rest.code_class = CodeClass::kOther;
  rest.reason = kOtherReason;
  if (auto* found = set.Find(rest.packed())) {
    found->last_used = sweep_;
    return *found;
  }
  return add(rest, nullptr);
}

void WorkerMetrics::CountRequest(const SeriesKey& key, base::Duration duration, uint64_t request_bytes,
                                 uint64_t response_bytes) {
  FindOrMake(requests_, key).cells.at[0].Add();
  SeriesKey service_key;
  service_key.direction = key.direction;
  service_key.destination = key.destination;
  auto& cells = FindOrMake(services_, service_key).cells.at;
  const int64_t nanos = std::max<int64_t>(duration.count(), 0);
  const auto bound = std::lower_bound(kDurationBoundsMicros.begin(), kDurationBoundsMicros.end(), (nanos + 999) / 1000);
  cells[static_cast<size_t>(bound - kDurationBoundsMicros.begin())].Add();
  cells[ServiceCells::kSumNanos].Add(static_cast<uint64_t>(nanos));
  if (request_bytes > 0) cells[ServiceCells::kRequestBytes].Add(request_bytes);
  if (response_bytes > 0) cells[ServiceCells::kResponseBytes].Add(response_bytes);
}

void WorkerMetrics::CountTcp(SeriesKey key, uint64_t received, uint64_t sent) {
  key.code_class = CodeClass::kNone;
  auto& cells = FindOrMake(tcp_, key).cells.at;
  cells[TcpCells::kConnections].Add();
  cells[TcpCells::kReceived].Add(received);
  cells[TcpCells::kSent].Add(sent);
}

template <class CellsT>
void WorkerMetrics::SweepSet(SeriesSet<CellsT>& set) {
  set.GiveUpIf([this](const Series<CellsT>& one) { return one.last_used + kIdleSweeps < sweep_; },
               [this, &set](uint32_t slot) {
                 post_to_main_([owner = &owner_, &set, slot] { owner->Retire(*set.TakeOut(slot)); });
               });
}

void WorkerMetrics::Sweep() {
  ++sweep_;
  SweepSet(requests_);
  SweepSet(services_);
  SweepSet(tcp_);
  // Ids that no series uses are given out again only when they run short: that empties the caches of those who hold
  // ids.
  const bool short_of_ids = std::max(sources_.size(), destinations_.size()) > LabelPairs::kMax / 2;
  if (!short_of_ids) return;
  std::vector<bool> sources(LabelPairs::kMax + 1), destinations(LabelPairs::kMax + 1);
  const auto mark = [&](const auto& one) {
    sources[one.key.source] = true;
    destinations[one.key.destination] = true;
  };
  requests_.ForEachOwn(mark);
  services_.ForEachOwn(mark);
  tcp_.ForEachOwn(mark);
  sources_.KeepOnly(sources);
  destinations_.KeepOnly(destinations);
  ++label_epoch_;
}

}  // namespace weft::telemetry
