#include "control/api/metrics.h"

#include <utility>
#include <vector>

#include "prometheus/metric_family.h"
#include "prometheus/text_serializer.h"

namespace weft::control::api {
namespace {

class Families {
 public:
  void Gauge(const std::string& name, const std::string& help, double value) {
    Family(name, help, prometheus::MetricType::Gauge).metric.emplace_back().gauge.value = value;
  }
  void Counter(const std::string& name, const std::string& help, double value) {
    Family(name, help, prometheus::MetricType::Counter).metric.emplace_back().counter.value = value;
  }
  void Summary(const std::string& name, const std::string& help, int64_t count, double sum) {
    prometheus::ClientMetric& metric = Family(name, help, prometheus::MetricType::Summary).metric.emplace_back();
    metric.summary.sample_count = static_cast<uint64_t>(count);
    metric.summary.sample_sum = sum;
  }
  // One series for each entry, `label` telling them apart.
  template <typename Values>
  void Labelled(prometheus::MetricType type, const std::string& name, const std::string& help, const std::string& label,
                const Values& values) {
    prometheus::MetricFamily& family = Family(name, help, type);
    for (const auto& [word, value] : values) {
      prometheus::ClientMetric& metric = family.metric.emplace_back();
      metric.label.push_back({label, word});
      metric.gauge.value = metric.counter.value = static_cast<double>(value);
    }
  }
  std::string Text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  prometheus::MetricFamily& Family(const std::string& name, const std::string& help, prometheus::MetricType type) {
    families_.push_back({name, help, type, {}});
    return families_.back();
  }
  std::vector<prometheus::MetricFamily> families_;
};

void AddCertificates(const Figures& figures, Families& families) {
  std::map<std::string, double> ends;
  if (figures.root_not_after != absl::InfiniteFuture())
    ends["root"] = absl::ToDoubleSeconds(figures.root_not_after - absl::UnixEpoch());
  if (figures.issuing_not_after != absl::InfiniteFuture()) {
    ends["issuing"] = absl::ToDoubleSeconds(figures.issuing_not_after - absl::UnixEpoch());
  }
  if (figures.server_not_after != absl::InfiniteFuture()) {
    ends["server"] = absl::ToDoubleSeconds(figures.server_not_after - absl::UnixEpoch());
  }
  families.Labelled(prometheus::MetricType::Gauge, "weft_control_certificate_expiry_timestamp_seconds",
                    "When a certificate of the authority ends, in seconds since 1970", "certificate", ends);
}

}  // namespace

std::string MetricsText(const Figures& figures, absl::Time now) {
  Families families;
  std::map<std::string, int64_t> objects;
  for (const auto& [kind, count] : figures.registry.objects) objects[std::string(model::KindName(kind))] = count;
  families.Labelled(prometheus::MetricType::Gauge, "weft_control_build_info", "1, labelled with the version", "version",
                    std::map<std::string, int>{{figures.version, 1}});
  families.Gauge("weft_control_uptime_seconds", "Time since the start", absl::ToDoubleSeconds(now - figures.started));
  families.Gauge("weft_control_config_revision", "The newest revision of the objects",
                 static_cast<double>(figures.registry.revision));
  families.Labelled(prometheus::MetricType::Gauge, "weft_control_objects", "Objects that exist now", "kind", objects);
  families.Counter("weft_control_changes_total", "Calls of Apply, Delete and Rollback that were accepted",
                   static_cast<double>(figures.registry.applies));
  families.Counter("weft_control_refusals_total", "Calls of Apply, Delete and Rollback that were refused",
                   static_cast<double>(figures.registry.refusals));
  families.Gauge("weft_control_store_bytes", "Size of the store's file",
                 static_cast<double>(figures.store.database_bytes));
  families.Gauge("weft_control_store_wal_bytes", "Size of the store's write-ahead log",
                 static_cast<double>(figures.store.log_bytes));
  families.Gauge("weft_control_proxies_connected", "Proxies with an open stream",
                 static_cast<double>(figures.proxies_connected));
  families.Gauge("weft_control_proxies_behind", "Connected proxies that have not accepted what they should have",
                 static_cast<double>(figures.proxies_behind));
  families.Labelled(prometheus::MetricType::Counter, "weft_control_xds_pushes_total", "Responses sent to proxies",
                    "type", figures.pushes);
  families.Labelled(prometheus::MetricType::Counter, "weft_control_xds_nacks_total", "Responses that proxies rejected",
                    "type", figures.nacks);
  families.Labelled(prometheus::MetricType::Gauge, "weft_control_xds_largest_response_bytes",
                    "The largest response so far; a gRPC client takes 4 MiB unless it is told otherwise", "type",
                    figures.largest);
  families.Labelled(prometheus::MetricType::Counter, "weft_control_events_total",
                    "Events that clients cause; of a flood the log shows a part", "event", figures.events);
  families.Gauge("weft_control_history_oldest_revision", "The oldest revision that can be rolled back to",
                 static_cast<double>(figures.history_oldest));
  families.Counter("weft_control_history_pruned_total", "Revisions that were forgotten since the start",
                   static_cast<double>(figures.history_pruned));
  families.Summary("weft_control_publish_duration_seconds",
                   "From a new revision to every stream having its configuration", figures.publications,
                   absl::ToDoubleSeconds(figures.publishing));
  families.Counter("weft_control_certificates_signed_total", "Certificates signed for proxies",
                   static_cast<double>(figures.certificates_signed));
  AddCertificates(figures, families);
  return families.Text();
}

}  // namespace weft::control::api
