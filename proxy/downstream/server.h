// What the drivers of downstream connections need from the worker that they run on, and what they report.
#ifndef WEFT_PROXY_DOWNSTREAM_SERVER_H_
#define WEFT_PROXY_DOWNSTREAM_SERVER_H_

#include "proxy/config/snapshot_store.h"
#include "proxy/http/context.h"
#include "proxy/http/message.h"
#include "proxy/http/service.h"
#include "proxy/runtime/reactor.h"
#include "proxy/runtime/wait.h"

namespace weft::downstream {

// Told when a request has ended, well or not: metrics and logs. Worker thread.
class RequestObserver {
 public:
  virtual ~RequestObserver() = default;
  // `response` is null when no head went downstream.
  virtual void OnRequestDone(const http::RequestHead& request, const http::ResponseHead* response,
                             http::Context& context) = 0;
  // A message that could not be read as a request.
  virtual void OnMalformed(const base::Failure& failure, http::ConnectionInfo& connection) = 0;
};

// Finds the filter chain of one connection again in each new Snapshot. Worker thread.
class ChainSelector {
 public:
  virtual ~ChainSelector() = default;
  // Null: the connection has no place in this Snapshot any more.
  virtual const config::FilterChain* Select(const config::Snapshot& snapshot) = 0;
};

struct ServerDeps {
  runtime::Reactor& reactor;
  config::WorkerSnapshots& snapshots;
  http::Service& service;  // the first stage
  RequestObserver& observer;
  runtime::Cancellation& draining;  // signalled once: idle connections close, busy ones after their response
  runtime::Cancellation& revoked;   // signalled once, with draining: it is no longer allowed; a tunnel is cut
};

}  // namespace weft::downstream

#endif  // WEFT_PROXY_DOWNSTREAM_SERVER_H_
