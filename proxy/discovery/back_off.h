// How long to wait before the next try: anywhere between nothing and a ceiling that doubles with each failure ("full
// jitter"), so that thousands of proxies do not come back in one wave. One thread.
#ifndef WEFT_PROXY_DISCOVERY_BACK_OFF_H_
#define WEFT_PROXY_DISCOVERY_BACK_OFF_H_

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

#include "proxy/base/time.h"

namespace weft::discovery {

class BackOff {
 public:
  // Envoy's defaults.
  struct Limits {
    base::Duration base = std::chrono::milliseconds(500);
    base::Duration cap = std::chrono::seconds(30);
  };

  // `random` gives numbers in [0, 1).
  BackOff(Limits limits, std::function<double()> random) : limits_(limits), random_(std::move(random)) {}

  base::Duration Next() {
    const base::Duration ceiling = ceiling_;
    ceiling_ = std::min(ceiling_ * 2, limits_.cap);
    return std::chrono::duration_cast<base::Duration>(ceiling * random_());
  }
  void Reset() { ceiling_ = std::min(limits_.base, limits_.cap); }

 private:
  const Limits limits_;
  const std::function<double()> random_;
  base::Duration ceiling_ = std::min(limits_.base, limits_.cap);
};

}  // namespace weft::discovery

#endif  // WEFT_PROXY_DISCOVERY_BACK_OFF_H_
