#include "proxy/identity/schedule.h"

#include <algorithm>

namespace weft::identity {
namespace {

constexpr absl::Duration kShortest = absl::Seconds(1);
constexpr absl::Duration kLongest = absl::Seconds(30);
constexpr absl::Duration kWrongClockShortest = absl::Seconds(5);
constexpr absl::Duration kWrongClockLongest = absl::Minutes(10);

}  // namespace

absl::Time RenewalTime(const Material& material, double random) {
  const absl::Duration whole = material.not_after - material.not_before;
  const absl::Time from = std::max(material.received, material.not_before);  // an old file does not say when it came
  if (material.received > material.not_after ||
      (material.received < material.not_before && material.received != absl::InfinitePast())) {
    return material.received + std::clamp(whole / 8, kWrongClockShortest, kWrongClockLongest);
  }
  return from + (material.not_after - from) * (0.45 + 0.1 * random);
}

absl::Duration RetryDelay(int failures, absl::Duration left, double random) {
  absl::Duration delay = std::min(kLongest, kShortest * (1 << std::clamp(failures - 1, 0, 6)));
  if (left > absl::ZeroDuration()) delay = std::min(delay, left / 4);
  return std::max(kShortest, delay * (0.5 + 0.5 * random));
}

}  // namespace weft::identity
