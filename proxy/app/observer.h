// Observer: what the data path tells metrics and logs. One per worker, called on its thread; must not wait.
#ifndef WEFT_PROXY_APP_OBSERVER_H_
#define WEFT_PROXY_APP_OBSERVER_H_

#include "proxy/downstream/opaque_server.h"
#include "proxy/downstream/server.h"

namespace weft::app {

enum class Security : uint8_t { kPlain, kMutualTls, kTls, kPassthrough };

class Observer : public downstream::RequestObserver {
 public:
  virtual void OnConnectionOpen(const http::ConnectionInfo& connection) = 0;
  virtual void OnConnectionClose(const http::ConnectionInfo& connection) = 0;
  // A connection that was refused before it was served: TLS, no filter chain, no configuration, loop.
  virtual void OnConnectionRefused(const base::Failure& failure, const http::ConnectionInfo& connection) = 0;
  virtual void OnTlsAccepted(const http::ConnectionInfo& connection) = 0;
  // `chain` is the one that the connection began with.
  virtual void OnOpaqueDone(const downstream::OpaqueOutcome& outcome, const http::ConnectionInfo& connection,
                            const config::FilterChain& chain) = 0;
  virtual void OnAcceptFailed(int error) = 0;
};

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_OBSERVER_H_
