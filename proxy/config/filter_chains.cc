#include "proxy/config/filter_chains.h"

#include <algorithm>
#include <string_view>

#include "proxy/config/snapshot.h"

namespace weft::config {

FilterChains::Prefix::Prefix(const base::Address& address, uint32_t prefix_length)
    : family(address.family()), length(prefix_length) {
  const std::string_view whole = address.ip_bytes();
  const size_t full = std::min<size_t>(length / 8, whole.size());
  std::copy_n(whole.begin(), full, bytes.begin());
  const uint32_t rest = length % 8;
  if (rest == 0 || full == whole.size()) return;
  bytes[full] = static_cast<char>(static_cast<unsigned char>(whole[full]) & (0xff << (8 - rest)));
}

void FilterChains::OfPort::Add(const FilterChain* chain) {
  const std::vector<base::Cidr>& prefixes = chain->match.destination_prefixes;
  if (prefixes.empty()) anywhere.push_back(chain);
  for (const base::Cidr& prefix : prefixes) {
    const std::pair length(prefix.prefix().family(), prefix.length());
    const auto longer = [](const auto& a, const auto& b) { return a.second > b.second; };
    if (std::find(lengths.begin(), lengths.end(), length) == lengths.end())
      lengths.insert(std::upper_bound(lengths.begin(), lengths.end(), length, longer), length);
    Bucket& bucket = by_prefix[Prefix(prefix.prefix(), prefix.length())];
    if (bucket.empty() || bucket.back() != chain) bucket.push_back(chain);  // it may say the same prefix twice
  }
}

void FilterChains::push_back(std::shared_ptr<const FilterChain> chain) {
  OfPort& of_port = chain->match.destination_port ? by_port_[*chain->match.destination_port] : any_port_;
  of_port.Add(chain.get());
  chains_.push_back(std::move(chain));
}

std::span<const FilterChain* const> FilterChains::For(const base::Address& destination) const {
  // Chains of this port shut out those of any port, also where their addresses do not fit.
  const auto found = by_port_.find(destination.port());
  const OfPort& of_port = found == by_port_.end() ? any_port_ : found->second;
  for (const auto& [family, length] : of_port.lengths) {
    if (family != destination.family()) continue;
    const auto bucket = of_port.by_prefix.find(Prefix(destination, length));
    if (bucket != of_port.by_prefix.end()) return bucket->second;
  }
  return of_port.anywhere;
}

}  // namespace weft::config
