#include "proxy/telemetry/time_format.h"

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace weft::telemetry {
namespace {

absl::Time ToTime(int64_t wall_micros) { return absl::FromUnixMicros(wall_micros); }

// The default format is the common one: its second is formatted once per thread and second.
void AppendDefault(int64_t wall_micros, std::string* out) {
  static thread_local int64_t cached_second = -1;
  static thread_local std::string cached;
  const int64_t second = wall_micros / 1'000'000;
  if (second != cached_second) {
    cached = absl::FormatTime("%Y-%m-%dT%H:%M:%S", absl::FromUnixSeconds(second), absl::UTCTimeZone());
    cached_second = second;
  }
  *out += cached;
  const int millis = static_cast<int>(wall_micros % 1'000'000 / 1000);
  const char fraction[] = {'.', static_cast<char>('0' + millis / 100), static_cast<char>('0' + millis / 10 % 10),
                           static_cast<char>('0' + millis % 10), 'Z'};
  out->append(fraction, sizeof fraction);
}

void AppendFraction(int64_t wall_micros, int digits, std::string* out) {
  std::string nanos = std::to_string(wall_micros % 1'000'000 * 1000);
  nanos.insert(0, 9 - nanos.size(), '0');
  out->append(nanos, 0, static_cast<size_t>(digits));
}

}  // namespace

TimeFormat::TimeFormat(std::string_view format) {
  std::string text;
  const auto flush = [&] {
    if (!text.empty()) parts_.push_back({text, 0});
    text.clear();
  };
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      text += format[i];
      continue;
    }
    const char next = format[i + 1];
    const bool with_digits = next >= '1' && next <= '9' && i + 2 < format.size() && format[i + 2] == 'f';
    if (next == 'f' || with_digits) {
      flush();
      parts_.push_back({"", with_digits ? next - '0' : 9});
      i += with_digits ? 2 : 1;
    } else {  // two characters at once, so that %%f stays a percent sign and an f
      text += format.substr(i, 2);
      ++i;
    }
  }
  flush();
}

void TimeFormat::Append(int64_t wall_micros, std::string* out) const {
  if (parts_.empty()) return AppendDefault(wall_micros, out);
  for (const Part& part : parts_) {
    if (part.fraction_digits > 0) {
      AppendFraction(wall_micros, part.fraction_digits, out);
    } else {
      *out += absl::FormatTime(absl::string_view(part.format.data(), part.format.size()), ToTime(wall_micros),
                               absl::UTCTimeZone());
    }
  }
}

}  // namespace weft::telemetry
