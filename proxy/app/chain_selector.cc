#include "proxy/app/chain_selector.h"

namespace weft::app {

const config::FilterChain* ChainSelector::Select(const config::Snapshot& snapshot) {
  const config::Listener* listener = snapshot.FindListener(info_.listener);
  if (listener == nullptr) return nullptr;
  config::ConnectionFacts facts = Facts();
  facts.tls = verdict_.protocol == detect::Protocol::kTls;
  facts.server_name = verdict_.hello.server_name;
  for (const std::string& protocol : verdict_.hello.protocols) facts.application_protocols.push_back(protocol);
  if (listener->spec.http_inspector) {
    if (verdict_.protocol == detect::Protocol::kHttp1) facts.application_protocols.push_back("http/1.1");
    if (verdict_.protocol == detect::Protocol::kHttp2) facts.application_protocols.push_back("h2c");
  }
  return listener->Match(facts);
}

config::ConnectionFacts ChainSelector::Facts() const {
  config::ConnectionFacts facts;
  facts.destination = info_.destination;
  facts.source = info_.peer;
  return facts;
}

}  // namespace weft::app
