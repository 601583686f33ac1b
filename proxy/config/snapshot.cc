#include "proxy/config/snapshot.h"

#include <algorithm>
#include <optional>

namespace weft::config {
namespace {

using Candidates = std::vector<const FilterChain*>;

constexpr int kNoMatch = -1;
constexpr int kMatchesAll = 0;  // the chain leaves this member empty

// Keeps the chains that match most specifically at this step. Envoy never goes back: what a later step refuses is
// refused.
template <class Specificity>
void Narrow(Candidates* candidates, Specificity specificity) {
  int best = kNoMatch;
  size_t kept = 0;
  for (const FilterChain* chain : *candidates) {
    const int found = specificity(chain->match);
    if (found == kNoMatch || found < best) continue;
    if (found > best) kept = 0;
    best = found;
    (*candidates)[kept++] = chain;
  }
  candidates->resize(kept);
}

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

int PortSpecificity(const FilterChainMatchSpec& match, const base::Address& destination) {
  if (!match.destination_port) return kMatchesAll;
  return *match.destination_port == destination.port() ? 1 : kNoMatch;
}

int SourcePortSpecificity(const std::vector<uint16_t>& ports, uint16_t port) {
  if (ports.empty()) return kMatchesAll;
  return std::find(ports.begin(), ports.end(), port) != ports.end() ? 1 : kNoMatch;
}

bool LooksAtBytes(const FilterChainMatchSpec& match) {
  return !match.server_names.empty() || !match.transport_protocol.empty() || !match.application_protocols.empty();
}

bool MatchesSource(const FilterChainMatchSpec& match, const ConnectionFacts& facts) {
  return SourceTypeSpecificity(match.source_type, IsLocal(facts)) != kNoMatch &&
         PrefixSpecificity(match.source_prefixes, facts.source) != kNoMatch &&
         SourcePortSpecificity(match.source_ports, facts.source.port()) != kNoMatch;
}

// Which of a listener's addresses takes `destination`: the same one, any of its family, or any at all (a [::] socket).
int AddressSpecificity(const base::Address& configured, const base::Address& destination) {
  if (configured == destination) return 3;
  if (!destination.is_ip() || !configured.is_ip()) return kNoMatch;
  if (configured.port() != destination.port() || !configured.is_wildcard()) return kNoMatch;
  if (configured.family() == destination.family()) return 2;
  return configured.family() == AF_INET6 ? 1 : kNoMatch;
}

}  // namespace

const FilterChain* Listener::Match(const ConnectionFacts& facts) const {
  Candidates candidates;
  candidates.reserve(chains.size());
  for (const auto& chain : chains) candidates.push_back(chain.get());
  Narrow(&candidates, [&](const auto& match) { return PortSpecificity(match, facts.destination); });
  Narrow(&candidates,
         [&](const auto& match) { return PrefixSpecificity(match.destination_prefixes, facts.destination); });
  Narrow(&candidates, [&](const auto& match) { return ServerNameSpecificity(match.server_names, facts.server_name); });
  Narrow(&candidates, [&](const auto& match) {
    if (match.transport_protocol.empty()) return kMatchesAll;
    return match.transport_protocol == (facts.tls ? "tls" : "raw_buffer") ? 1 : kNoMatch;
  });
  Narrow(&candidates, [&](const auto& match) {
    return ApplicationProtocolSpecificity(match.application_protocols, facts.application_protocols);
  });
  Narrow(&candidates,
         [local = IsLocal(facts)](const auto& match) { return SourceTypeSpecificity(match.source_type, local); });
  Narrow(&candidates, [&](const auto& match) { return PrefixSpecificity(match.source_prefixes, facts.source); });
  Narrow(&candidates,
         [&](const auto& match) { return SourcePortSpecificity(match.source_ports, facts.source.port()); });
  return candidates.empty() ? default_chain.get() : candidates.front();
}

bool Listener::NeedsFirstBytes(const ConnectionFacts& facts) const {
  if (!needs_first_bytes) return false;
  // The first two steps of Match() in one pass: what is known of the most specific chains so far.
  int best_port = kNoMatch, best_prefix = kNoMatch;
  bool looks = false, may_match = false;
  for (const auto& chain : chains) {
    const FilterChainMatchSpec& match = chain->match;
    const int port = PortSpecificity(match, facts.destination);
    if (port == kNoMatch || port < best_port) continue;
    // A chain of this port that the address does not fit still shuts out those of any port.
    const int prefix = PrefixSpecificity(match.destination_prefixes, facts.destination);
    if (port > best_port || prefix > best_prefix) looks = may_match = false;
    best_prefix = port > best_port ? prefix : std::max(best_prefix, prefix);
    best_port = port;
    if (prefix == kNoMatch || prefix < best_prefix) continue;
    looks = looks || LooksAtBytes(match);
    may_match = may_match || MatchesSource(match, facts);
  }
  return looks && may_match;
}

const Listener* Snapshot::FindListenerFor(const base::Address& destination) const {
  const Listener* best = nullptr;
  int best_found = kNoMatch;
  for (const auto& [name, listener] : listeners) {
    for (const base::Address& address : listener->spec.addresses) {
      const int found = AddressSpecificity(address, destination);
      // Of two that are as good, the same one every time.
      if (found == kNoMatch || found < best_found || (found == best_found && best->spec.name <= name)) continue;
      best = listener.get();
      best_found = found;
    }
  }
  return best;
}

}  // namespace weft::config
