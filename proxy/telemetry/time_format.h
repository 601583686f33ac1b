// TimeFormat: a point of wall time in the formats of Envoy's %START_TIME(…)%: strftime's, in UTC, with %s (seconds
// since 1970) and %f, %1f … %9f (the fraction). Immutable once compiled; any thread.
#ifndef WEFT_PROXY_TELEMETRY_TIME_FORMAT_H_
#define WEFT_PROXY_TELEMETRY_TIME_FORMAT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::telemetry {

class TimeFormat {
 public:
  // Empty: "%Y-%m-%dT%H:%M:%E3SZ".
  explicit TimeFormat(std::string_view format);
  void Append(int64_t wall_micros, std::string* out) const;

 private:
  struct Part {
    std::string format;       // of absl::FormatTime; empty when
    int fraction_digits = 0;  // this is set
  };
  std::vector<Part> parts_;  // empty: the default
};

}  // namespace weft::telemetry

#endif  // WEFT_PROXY_TELEMETRY_TIME_FORMAT_H_
