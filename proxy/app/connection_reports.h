// Reports of a connection to the Observer that happen whatever way it ends, also when its task is cut from outside.
// Worker thread only; what they are given outlives them.
#ifndef WEFT_PROXY_APP_CONNECTION_REPORTS_H_
#define WEFT_PROXY_APP_CONNECTION_REPORTS_H_

#include "proxy/app/observer.h"
#include "proxy/config/snapshot.h"
#include "proxy/downstream/opaque_server.h"
#include "proxy/http/context.h"
#include "proxy/runtime/reactor.h"

namespace weft::app {

// Its beginning and its end.
class Lifetime {
 public:
  Lifetime(Observer& observer, http::ConnectionInfo& info, runtime::Reactor& reactor)
      : observer_(observer), info_(info), reactor_(reactor) {
    observer_.OnConnectionOpen(info_);
  }
  ~Lifetime() {
    info_.stamps.closed = reactor_.now();
    observer_.OnConnectionClose(info_);
  }

 private:
  Observer& observer_;
  http::ConnectionInfo& info_;
  runtime::Reactor& reactor_;
};

// What became of an opaque one.
class OpaqueReport {
 public:
  OpaqueReport(Observer& observer, const http::ConnectionInfo& info, const config::FilterChain& chain)
      : observer_(observer), info_(info), chain_(chain) {}
  ~OpaqueReport() { observer_.OnOpaqueDone(outcome, info_, chain_); }
  downstream::OpaqueOutcome outcome;

 private:
  Observer& observer_;
  const http::ConnectionInfo& info_;
  const config::FilterChain& chain_;
};

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_CONNECTION_REPORTS_H_
