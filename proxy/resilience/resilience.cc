#include "proxy/resilience/resilience.h"

#include <string>

#include "proxy/config/snapshot.h"
#include "proxy/runtime/wait.h"

namespace weft::resilience {
namespace {

using base::Failure;
using base::FailureKind;
using base::RetrySafety;

bool IsConnectFailure(FailureKind kind) {
  return kind == FailureKind::kConnectRefused || kind == FailureKind::kConnectFailed ||
         kind == FailureKind::kConnectTimeout || kind == FailureKind::kUpstreamTls;
}

bool MaySendAgain(const Failure& failure, const http::Request& request) {
  if (request.body != nullptr && !request.body->untouched()) return false;
  switch (failure.retry) {
    case RetrySafety::kNotSent: return failure.kind != FailureKind::kOutOfResources;
    case RetrySafety::kIdempotent: return http::IsIdempotent(request.head.method);
    case RetrySafety::kNever: return false;
  }
  return false;
}

// True when `endpoint` had failed this request before: every endpoint was tried then, because balance/ prefers the
// others.
bool RememberTried(http::Context& context, const endpoint::EndpointState* endpoint) {
  for (const auto* tried : context.tried) {
    if (tried == endpoint) return true;
  }
  for (auto& slot : context.tried) {
    if (slot != nullptr) continue;
    slot = endpoint;
    return false;
  }
  return false;
}

}  // namespace

runtime::Task<base::Result<http::Response>> Resilience::Call(http::Request request, http::Context& context) {
  for (;;) {
    ++context.decision.tries;
    auto task = next_.Call(request, context);  // chooses the endpoint at once, sends when awaited
    const endpoint::EndpointState* endpoint = context.host == nullptr ? nullptr : context.host->state.get();
    auto ended = co_await runtime::Within(context.reactor, context.deadline, &context.late, std::move(task));
    if (ended.outcome != runtime::Outcome::kDone) {
      co_return Failure{FailureKind::kUpstreamTimeout, base::Origin::kUpstream, base::Phase::kResponse,
                        RetrySafety::kNever, "no response within the route's timeout"};
    }
    if (ended.value->ok()) co_return std::move(*ended.value);
    const Failure& failure = ended.value->failure();
    if (context.decision.tries >= kMaxTries || !MaySendAgain(failure, request)) co_return std::move(*ended.value);
    if (IsConnectFailure(failure.kind)) {
      if (RememberTried(context, endpoint)) co_return std::move(*ended.value);  // nobody else is left
    } else {
      context.want_new_connection = true;
    }
  }
}

}  // namespace weft::resilience
