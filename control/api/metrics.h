// What Prometheus reads at :15014/metrics, made anew at each scrape from plain figures. Any thread.
#ifndef WEFT_CONTROL_API_METRICS_H_
#define WEFT_CONTROL_API_METRICS_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "control/api/registry.h"
#include "control/store/store.h"

namespace weft::control::api {

struct Figures {
  RegistryCounts registry;
  store::Sizes store;
  int64_t proxies_connected = 0;
  std::map<std::string, int64_t> pushes;  // by CDS, EDS, LDS, RDS: responses sent to proxies
  std::map<std::string, int64_t> nacks;
  std::map<std::string, int64_t> largest;            // bytes of the largest response
  std::map<std::string, int64_t> events;             // that the log may show in part
  int64_t history_oldest = 1;                        // revision that can be rolled back to
  int64_t history_pruned = 0;                        // revisions that were forgotten
  int64_t proxies_behind = 0;                        // connected, and not at what they should have
  int64_t publications = 0;                          // revisions that were compiled and handed to all streams
  absl::Duration publishing = absl::ZeroDuration();  // the time that this took, all together
  int64_t certificates_signed = 0;
  absl::Time root_not_after = absl::InfiniteFuture();
  absl::Time issuing_not_after = absl::InfiniteFuture();
  absl::Time server_not_after = absl::InfiniteFuture();  // of the TLS port
  absl::Time started;
  std::string version;
};

// In Prometheus' text format.
std::string MetricsText(const Figures& figures, absl::Time now);

}  // namespace weft::control::api

#endif  // WEFT_CONTROL_API_METRICS_H_
