#include "proxy/telemetry/page.h"

#include <sstream>

#include "prometheus/text_serializer.h"

namespace weft::telemetry {

prometheus::ClientMetric& Page::Add(std::string_view name, std::string_view help, prometheus::MetricType type,
                                    const Labels& labels) {
  const auto [place, is_new] = index_.emplace(std::string(name), families_.size());
  if (is_new) {
    prometheus::MetricFamily family;
    family.name = "weft_" + std::string(name);
    family.help = std::string(help);
    family.type = type;
    families_.push_back(std::move(family));
  }
  auto& metrics = families_[place->second].metric;
  metrics.emplace_back();
  for (const auto& [label, value] : labels) metrics.back().label.push_back({std::string(label), std::string(value)});
  return metrics.back();
}

void Page::Counter(std::string_view name, std::string_view help, const Labels& labels, double value) {
  Add(name, help, prometheus::MetricType::Counter, labels).counter.value = value;
}

void Page::Gauge(std::string_view name, std::string_view help, const Labels& labels, double value) {
  Add(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
}

void Page::Histogram(std::string_view name, std::string_view help, const Labels& labels,
                     std::vector<prometheus::ClientMetric::Bucket> buckets, double sum) {
  auto& histogram = Add(name, help, prometheus::MetricType::Histogram, labels).histogram;
  histogram.sample_count = buckets.empty() ? 0 : buckets.back().cumulative_count;
  histogram.sample_sum = sum;
  histogram.bucket = std::move(buckets);
}

std::string ToText(const std::vector<prometheus::MetricFamily>& families) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

}  // namespace weft::telemetry
