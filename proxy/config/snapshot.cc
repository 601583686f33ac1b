#include "proxy/config/snapshot.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace weft::config {
namespace {

constexpr int kNoMatch = -1;
constexpr int kMatchesAll = 0;  // the chain leaves this member empty

int PrefixSpecificity(const std::vector<base::Cidr>& prefixes, const base::Address& address) {
  if (prefixes.empty()) return kMatchesAll;
  int best = kNoMatch;
  for (const base::Cidr& prefix : prefixes) {
    if (prefix.Contains(address)) best = std::max(best, static_cast<int>(prefix.length()) + 1);
  }
  return best;
}

// An exact name beats every wildcard, the longer wildcard the shorter one.
int ServerNameSpecificity(const std::vector<std::string>& names, std::string_view server_name) {
  if (names.empty()) return kMatchesAll;
  constexpr int kExact = 1 << 16;
  int best = kNoMatch;
  for (const std::string& name : names) {
    if (name == server_name) return kExact;
    if (!name.starts_with("*.")) continue;
    const std::string_view suffix = std::string_view(name).substr(1);
    if (server_name.size() > suffix.size() && server_name.ends_with(suffix))
      best = std::max(best, static_cast<int>(suffix.size()));
  }
  return best;
}

// The protocol that the client names first wins.
int ApplicationProtocolSpecificity(const std::vector<std::string>& wanted,
                                   const std::vector<std::string_view>& offered) {
  if (wanted.empty()) return kMatchesAll;
  for (size_t i = 0; i < offered.size(); ++i) {
    if (std::find(wanted.begin(), wanted.end(), offered[i]) != wanted.end())
      return static_cast<int>(offered.size() - i);
  }
  return kNoMatch;
}

int SourceTypeSpecificity(FilterChainMatchSpec::SourceType wanted, bool local) {
  using SourceType = FilterChainMatchSpec::SourceType;
  if (wanted == SourceType::kAny) return kMatchesAll;
  return (wanted == SourceType::kSameIpOrLoopback) == local ? 1 : kNoMatch;
}

bool IsLocal(const ConnectionFacts& facts) {
  if (!facts.source.is_ip()) return true;  // a unix socket
  return facts.source.is_loopback() || facts.source.ip_bytes() == facts.destination.ip_bytes();
}

int TransportProtocolSpecificity(std::string_view wanted, bool tls) {
  if (wanted.empty()) return kMatchesAll;
  return wanted == (tls ? "tls" : "raw_buffer") ? 1 : kNoMatch;
}

int SourcePortSpecificity(const std::vector<uint16_t>& ports, uint16_t port) {
  if (ports.empty()) return kMatchesAll;
  return std::find(ports.begin(), ports.end(), port) != ports.end() ? 1 : kNoMatch;
}

bool LooksAtBytes(const FilterChainMatchSpec& match) {
  return !match.server_names.empty() || !match.transport_protocol.empty() || !match.application_protocols.empty() ||
         match.hidden_name == FilterChainMatchSpec::HiddenName::kDeny;
}

const base::Address& Connected(const ConnectionFacts& facts) {
  return facts.direct_source.valid() ? facts.direct_source : facts.source;
}

bool MatchesSource(const FilterChainMatchSpec& match, const ConnectionFacts& facts) {
  return PrefixSpecificity(match.direct_source_prefixes, Connected(facts)) != kNoMatch &&
         SourceTypeSpecificity(match.source_type, IsLocal(facts)) != kNoMatch &&
         PrefixSpecificity(match.source_prefixes, facts.source) != kNoMatch &&
         SourcePortSpecificity(match.source_ports, facts.source.port()) != kNoMatch;
}

// How specifically a chain matches at each step after the destination, in Envoy's order. The greatest of a listener is
// the chain that the steps leave when each keeps only the most specific ones; if it holds a kNoMatch, that step leaves
// none.
using Specificity = std::array<int, 7>;

int NameSpecificity(const FilterChainMatchSpec& match, const ConnectionFacts& facts) {
  using HiddenName = FilterChainMatchSpec::HiddenName;
  if (facts.may_be_hidden && match.hidden_name == HiddenName::kByAddress) return kMatchesAll;
  return ServerNameSpecificity(match.server_names, facts.server_name);
}

Specificity SpecificityOf(const FilterChainMatchSpec& match, const ConnectionFacts& facts, bool local) {
  return {NameSpecificity(match, facts),
          TransportProtocolSpecificity(match.transport_protocol, facts.tls),
          ApplicationProtocolSpecificity(match.application_protocols, facts.application_protocols),
          PrefixSpecificity(match.direct_source_prefixes, Connected(facts)),
          SourceTypeSpecificity(match.source_type, local),
          PrefixSpecificity(match.source_prefixes, facts.source),
          SourcePortSpecificity(match.source_ports, facts.source.port())};
}

base::Address Wildcard(std::string_view ip) { return base::Address::FromIp(ip, 0).value(); }

}  // namespace

const FilterChain* Listener::Match(const ConnectionFacts& facts) const {
  const bool local = IsLocal(facts);
  const FilterChain* best = nullptr;
  Specificity best_found{};
  for (const FilterChain* chain : chains.For(facts.destination)) {
    const Specificity found = SpecificityOf(chain->match, facts, local);
    if (best != nullptr && found <= best_found) continue;  // of equal ones, the first
    best = chain;
    best_found = found;
  }
  const bool matches = best != nullptr && *std::min_element(best_found.begin(), best_found.end()) != kNoMatch;
  return matches ? best : default_chain.get();
}

bool Listener::NeedsFirstBytes(const ConnectionFacts& facts) const {
  if (!needs_first_bytes) return false;
  bool looks = false, may_match = false;
  for (const FilterChain* chain : chains.For(facts.destination)) {
    looks = looks || LooksAtBytes(chain->match);
    may_match = may_match || MatchesSource(chain->match, facts);
  }
  return looks && may_match;
}

Preamble Listener::PreambleFor(const base::Address& destination) const {
  for (const FilterChain* chain : chains.For(destination)) {
    if (chain->preamble != Preamble::kNone) return chain->preamble;
  }
  return Preamble::kNone;
}

bool Listener::DeniesHiddenNames(const base::Address& destination) const {
  for (const FilterChain* chain : chains.For(destination)) {
    if (chain->match.hidden_name == FilterChainMatchSpec::HiddenName::kDeny) return true;
  }
  return false;
}

ListenerSet& ListenerSet::operator=(ByName listeners) {
  by_name_ = std::move(listeners);
  Index();
  return *this;
}

bool ListenerSet::emplace(std::string name, std::shared_ptr<const Listener> listener) {
  const bool is_new = by_name_.emplace(std::move(name), std::move(listener)).second;
  Index();
  return is_new;
}

void ListenerSet::Index() {
  by_address_.clear();
  for (const auto& [name, listener] : by_name_) {
    for (const base::Address& address : listener->spec.addresses) {
      const auto [same, is_new] = by_address_.try_emplace(address, listener.get());
      // Of two that are as good, the same one every time.
      if (!is_new && name < same->second->spec.name) same->second = listener.get();
    }
  }
}

const Listener* ListenerSet::At(const base::Address& address) const {
  const auto found = by_address_.find(address);
  return found == by_address_.end() ? nullptr : found->second;
}

const Listener* Snapshot::FindListenerFor(const base::Address& destination) const {
  static const base::Address wildcard4 = Wildcard("0.0.0.0"), wildcard6 = Wildcard("::");
  // The same address, any of its family, or any at all (a [::] socket).
  const Listener* found = listeners.At(destination);
  if (!destination.is_ip()) return found;
  if (found == nullptr && destination.family() == AF_INET) found = listeners.At(wildcard4.WithPort(destination.port()));
  return found != nullptr ? found : listeners.At(wildcard6.WithPort(destination.port()));
}

}  // namespace weft::config
