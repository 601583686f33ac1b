// The indexes of Listener and Snapshot against the plain definition of what they look up, which walks over everything.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "proxy/config/snapshot.h"

namespace weft::config {
namespace {

using SourceType = FilterChainMatchSpec::SourceType;
using Candidates = std::vector<const FilterChain*>;
constexpr int kNoMatch = -1;

base::Address At(const std::string& text) { return *base::Address::Parse(text); }

// Envoy's definition, a step at a time.
void Narrow(Candidates* candidates, const std::function<int(const FilterChainMatchSpec&)>& specificity) {
  int best = kNoMatch;
  for (const FilterChain* chain : *candidates) best = std::max(best, specificity(chain->match));
  std::erase_if(*candidates, [&](const FilterChain* chain) {
    const int found = specificity(chain->match);
    return found == kNoMatch || found != best;
  });
}

int Longest(const std::vector<base::Cidr>& prefixes, const base::Address& address) {
  int best = prefixes.empty() ? 0 : kNoMatch;
  for (const base::Cidr& prefix : prefixes) {
    if (prefix.Contains(address)) best = std::max(best, static_cast<int>(prefix.length()) + 1);
  }
  return best;
}

int NameStep(const std::vector<std::string>& names, const std::string& asked) {
  int best = names.empty() ? 0 : kNoMatch;
  for (const std::string& name : names) {
    if (name == asked) return 1000;
    if (name.starts_with("*.") && asked.size() > name.size() - 1 && asked.ends_with(name.substr(1)))
      best = std::max(best, static_cast<int>(name.size()));
  }
  return best;
}

int ProtocolStep(const std::vector<std::string>& wanted, const std::vector<std::string_view>& offered) {
  if (wanted.empty()) return 0;
  for (size_t i = 0; i < offered.size(); ++i) {
    if (std::count(wanted.begin(), wanted.end(), offered[i]) != 0) return 100 - static_cast<int>(i);
  }
  return kNoMatch;
}

Candidates OfDestination(const Listener& listener, const base::Address& destination) {
  Candidates left;
  for (const auto& chain : listener.chains) left.push_back(chain.get());
  Narrow(&left, [&](const auto& match) {
    return !match.destination_port ? 0 : *match.destination_port == destination.port() ? 1 : kNoMatch;
  });
  Narrow(&left, [&](const auto& match) { return Longest(match.destination_prefixes, destination); });
  return left;
}

bool IsLocal(const ConnectionFacts& facts) {
  return facts.source.is_loopback() || facts.source.ip() == facts.destination.ip();
}
int SourceTypeStep(const FilterChainMatchSpec& match, const ConnectionFacts& facts) {
  if (match.source_type == SourceType::kAny) return 0;
  return (match.source_type == SourceType::kSameIpOrLoopback) == IsLocal(facts) ? 1 : kNoMatch;
}
int SourcePortStep(const FilterChainMatchSpec& match, const ConnectionFacts& facts) {
  if (match.source_ports.empty()) return 0;
  return std::count(match.source_ports.begin(), match.source_ports.end(), facts.source.port()) != 0 ? 1 : kNoMatch;
}

const FilterChain* LinearMatch(const Listener& listener, const ConnectionFacts& facts) {
  Candidates left = OfDestination(listener, facts.destination);
  Narrow(&left, [&](const auto& match) { return NameStep(match.server_names, std::string(facts.server_name)); });
  Narrow(&left, [&](const auto& match) {
    if (match.transport_protocol.empty()) return 0;
    return match.transport_protocol == (facts.tls ? "tls" : "raw_buffer") ? 1 : kNoMatch;
  });
  Narrow(&left,
         [&](const auto& match) { return ProtocolStep(match.application_protocols, facts.application_protocols); });
  Narrow(&left, [&](const auto& match) { return SourceTypeStep(match, facts); });
  Narrow(&left, [&](const auto& match) { return Longest(match.source_prefixes, facts.source); });
  Narrow(&left, [&](const auto& match) { return SourcePortStep(match, facts); });
  return left.empty() ? listener.default_chain.get() : left.front();
}

bool LinearNeedsFirstBytes(const Listener& listener, const ConnectionFacts& facts) {
  const Candidates left = OfDestination(listener, facts.destination);
  const bool looks = std::any_of(left.begin(), left.end(), [](const FilterChain* chain) {
    const FilterChainMatchSpec& match = chain->match;
    return !match.server_names.empty() || !match.transport_protocol.empty() || !match.application_protocols.empty();
  });
  return looks && std::any_of(left.begin(), left.end(), [&](const FilterChain* chain) {
           return SourceTypeStep(chain->match, facts) != kNoMatch &&
                  Longest(chain->match.source_prefixes, facts.source) != kNoMatch &&
                  SourcePortStep(chain->match, facts) != kNoMatch;
         });
}

// Few values of everything, so that steps tie, shut out and fail often.
class Random {
 public:
  bool OneIn(int n) { return Below(n) == 0; }
  int Below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(engine_); }
  template <class T>
  T Of(const std::vector<T>& values) {
    return values[static_cast<size_t>(Below(static_cast<int>(values.size())))];
  }
  template <class T>
  std::vector<T> Some(const std::vector<T>& values) {
    std::vector<T> some;
    for (int left = OneIn(2) ? 0 : 1 + Below(3); left > 0; --left) some.push_back(Of(values));
    return some;
  }

  std::string Ip() {
    return Of<std::string>({"10.0.0.5", "10.0.0.6", "10.0.1.5", "10.128.0.5", "11.0.0.5", "127.0.0.1", "0.0.0.0",
                            "fd00::1", "fd00::2", "fd80::1", "::1", "::"});
  }
  base::Address Address() {
    const std::string ip = Ip();
    return *base::Address::FromIp(ip, Of<uint16_t>({80, 81, 443}));
  }
  std::vector<base::Cidr> Prefixes() {
    std::vector<base::Cidr> prefixes;
    for (int left = OneIn(2) ? 0 : 1 + Below(3); left > 0; --left) {
      const std::string ip = Ip();
      const uint32_t length = ip.find(':') == std::string::npos ? Of<uint32_t>({0, 7, 8, 9, 24, 31, 32})
                                                                : Of<uint32_t>({0, 8, 9, 32, 127, 128});
      prefixes.push_back(*base::Cidr::Make(ip, length));
    }
    return prefixes;
  }

  std::shared_ptr<FilterChain> Chain() {
    auto chain = std::make_shared<FilterChain>();
    FilterChainMatchSpec& match = chain->match;
    if (OneIn(2)) match.destination_port = Of<uint16_t>({80, 443});
    match.destination_prefixes = Prefixes();
    if (OneIn(3)) match.server_names = Some<std::string>({"a.b.com", "*.b.com", "*.com", "b.com", "x.org"});
    if (OneIn(3)) match.transport_protocol = Of<std::string>({"tls", "raw_buffer"});
    if (OneIn(3)) match.application_protocols = Some<std::string>({"h2", "http/1.1", "weft-tcp"});
    if (OneIn(4)) match.source_type = Of<SourceType>({SourceType::kSameIpOrLoopback, SourceType::kExternal});
    if (OneIn(4)) match.source_prefixes = Prefixes();
    if (OneIn(4)) match.source_ports = Some<uint16_t>({80, 81});
    return chain;
  }
  ConnectionFacts Facts() {
    ConnectionFacts facts;
    facts.destination = Address();
    facts.source = Address();
    facts.tls = OneIn(2);
    facts.server_name = Of<std::string_view>({"", "a.b.com", "c.b.com", "b.com", "com", "x.org"});
    facts.application_protocols = Some<std::string_view>({"h2", "http/1.1", "weft-tcp", "other"});
    return facts;
  }

 private:
  std::mt19937 engine_{20261124};
};

TEST(FilterChainsTest, FindWhatTheStepsOneByOneFind) {
  Random random;
  int matched = 0, refused = 0, needed = 0;
  for (int round = 0; round < 4000; ++round) {
    Listener listener;
    listener.needs_first_bytes = true;
    for (int left = random.Below(25); left > 0; --left) listener.chains.push_back(random.Chain());
    if (random.OneIn(2)) listener.default_chain = random.Chain();
    for (int i = 0; i < 25; ++i) {
      const ConnectionFacts facts = random.Facts();
      const FilterChain* expected = LinearMatch(listener, facts);
      ASSERT_EQ(listener.Match(facts), expected) << round << " to " << facts.destination.ToString();
      const bool needs = LinearNeedsFirstBytes(listener, facts);
      ASSERT_EQ(listener.NeedsFirstBytes(facts), needs) << round << " to " << facts.destination.ToString();
      ++(expected == listener.default_chain.get() ? refused : matched);
      needed += needs ? 1 : 0;
    }
  }
  // The random listeners say something.
  EXPECT_GT(matched, 10000);
  EXPECT_GT(refused, 10000);
  EXPECT_GT(needed, 10000);
}

TEST(AddressIndexTest, FindsWhatAWalkOverAllListenersFinds) {
  Random random;
  const auto specificity = [](const base::Address& configured, const base::Address& asked) {
    if (configured == asked) return 3;
    if (configured.port() != asked.port() || !configured.is_wildcard()) return kNoMatch;
    if (configured.family() == asked.family()) return 2;
    return configured.family() == AF_INET6 ? 1 : kNoMatch;
  };
  int found = 0;
  for (int round = 0; round < 4000; ++round) {
    Snapshot snapshot;
    ListenerSet::ByName all;
    for (int i = random.Below(12); i > 0; --i) {
      auto listener = std::make_shared<Listener>();
      listener->spec.name = "l" + std::to_string(i);
      for (int left = random.Below(3); left > 0; --left) listener->spec.addresses.push_back(random.Address());
      all.emplace(listener->spec.name, listener);
    }
    snapshot.listeners = std::move(all);
    const base::Address asked = random.Address();
    const Listener* expected = nullptr;
    int best = kNoMatch;
    for (const auto& [name, listener] : snapshot.listeners) {
      for (const base::Address& address : listener->spec.addresses) {
        const int now = specificity(address, asked);
        if (now == kNoMatch || now < best || (now == best && expected->spec.name <= name)) continue;
        expected = listener.get();
        best = now;
      }
    }
    ASSERT_EQ(snapshot.FindListenerFor(asked), expected) << round << " " << asked.ToString();
    found += expected != nullptr ? 1 : 0;
  }
  EXPECT_GT(found, 1000);
}

// As weft-control writes them: a chain for each address of a service and its port.
TEST(FilterChainsTest, EachOfAThousandChainsIsFound) {
  Listener listener;
  listener.needs_first_bytes = true;
  const auto ip = [](int i) { return "10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250); };
  for (int i = 0; i < 1000; ++i) {
    auto chain = std::make_shared<FilterChain>();
    chain->match.destination_port = 80;
    chain->match.destination_prefixes = {*base::Cidr::Make(ip(i), 32)};
    listener.chains.push_back(std::move(chain));
  }
  ConnectionFacts facts;
  facts.source = At("10.9.0.1:40000");
  for (int i = 0; i < 1000; ++i) {
    facts.destination = At(ip(i) + ":80");
    ASSERT_EQ(listener.Match(facts), listener.chains[i].get());
    ASSERT_FALSE(listener.NeedsFirstBytes(facts));
    ASSERT_EQ(LinearMatch(listener, facts), listener.chains[i].get());
  }
}

}  // namespace
}  // namespace weft::config
