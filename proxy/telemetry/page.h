// Page: builds the metrics page. Each family is named once with its help text; samples are added in any order. One
// thread.
#ifndef WEFT_PROXY_TELEMETRY_PAGE_H_
#define WEFT_PROXY_TELEMETRY_PAGE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "prometheus/metric_family.h"
#include "proxy/base/string_map.h"

namespace weft::telemetry {

class Page {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

  // `name` without the prefix "weft_". A counter's name ends in "_total".
  void Counter(std::string_view name, std::string_view help, const Labels& labels, double value);
  void Gauge(std::string_view name, std::string_view help, const Labels& labels, double value);
  // `buckets` are cumulative, the last one without a bound.
  void Histogram(std::string_view name, std::string_view help, const Labels& labels,
                 std::vector<prometheus::ClientMetric::Bucket> buckets, double sum);

  std::vector<prometheus::MetricFamily> Take() { return std::move(families_); }

 private:
  prometheus::ClientMetric& Add(std::string_view name, std::string_view help, prometheus::MetricType type,
                                const Labels& labels);

  std::vector<prometheus::MetricFamily> families_;
  base::StringMap<size_t> index_;
};

// Prometheus' text format 0.0.4.
std::string ToText(const std::vector<prometheus::MetricFamily>& families);
inline constexpr std::string_view kTextContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace weft::telemetry

#endif  // WEFT_PROXY_TELEMETRY_PAGE_H_
