#include "proxy/app/chain_selector.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::app {

const config::FilterChain* ChainSelector::Select(const config::Snapshot& snapshot) {
  const config::Listener* listener = snapshot.FindListener(info_.listener);
  if (listener == nullptr) return nullptr;
  config::ConnectionFacts facts = Facts();
  facts.tls = verdict_.protocol == detect::Protocol::kTls;
  facts.server_name = verdict_.hello.server_name;
  facts.may_be_hidden = detect::MayBeHidden(verdict_.hello.name_kind);
  static thread_local std::vector<std::string_view> room;  // kept, so that a connection allocates none
  facts.application_protocols = std::move(room);
  facts.application_protocols.clear();
  for (const std::string& protocol : verdict_.hello.protocols) facts.application_protocols.push_back(protocol);
  if (listener->spec.http_inspector) {
    if (verdict_.protocol == detect::Protocol::kHttp1) facts.application_protocols.push_back("http/1.1");
    if (verdict_.protocol == detect::Protocol::kHttp2) facts.application_protocols.push_back("h2c");
  }
  const config::FilterChain* chain = listener->Match(facts);
  room = std::move(facts.application_protocols);
  return chain;
}

config::ConnectionFacts ChainSelector::Facts() const {
  config::ConnectionFacts facts;
  facts.destination = info_.destination;
  facts.source = info_.peer;
  if (info_.direct_peer) facts.direct_source = *info_.direct_peer;
  return facts;
}

}  // namespace weft::app
