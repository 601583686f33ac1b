// ChainSelector: finds a connection's filter chain in a Snapshot, again for each new one. Worker thread only.
#ifndef WEFT_PROXY_APP_CHAIN_SELECTOR_H_
#define WEFT_PROXY_APP_CHAIN_SELECTOR_H_

#include "proxy/config/snapshot.h"
#include "proxy/detect/classify.h"
#include "proxy/downstream/server.h"
#include "proxy/http/context.h"

namespace weft::app {

class ChainSelector final : public downstream::ChainSelector {
 public:
  // Both outlive the selector.
  ChainSelector(const http::ConnectionInfo& info, const detect::Verdict& verdict) : info_(info), verdict_(verdict) {}
  const config::FilterChain* Select(const config::Snapshot& snapshot) override;
  // What is known before a byte has come.
  config::ConnectionFacts Facts() const;

 private:
  const http::ConnectionInfo& info_;
  const detect::Verdict& verdict_;
};

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_CHAIN_SELECTOR_H_
