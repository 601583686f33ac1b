// Resilience: the stage between route and balance: bounds the request by its deadline and replays what certainly was
// never processed. Without a policy nothing else is sent again: a POST runs at most once. Worker thread only.
#ifndef WEFT_PROXY_RESILIENCE_RESILIENCE_H_
#define WEFT_PROXY_RESILIENCE_RESILIENCE_H_

#include "proxy/http/context.h"
#include "proxy/http/service.h"

namespace weft::resilience {

class Resilience final : public http::Service {
 public:
  // Tries of one request without a policy, the first one included.
  static constexpr uint32_t kMaxTries = 4;

  explicit Resilience(http::Service& next) : next_(next) {}
  runtime::Task<base::Result<http::Response>> Call(http::Request request, http::Context& context) override;

 private:
  http::Service& next_;
};

}  // namespace weft::resilience

#endif  // WEFT_PROXY_RESILIENCE_RESILIENCE_H_
