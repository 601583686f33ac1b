#include "proxy/resolve/addresses.h"

#include <algorithm>
#include <utility>

namespace weft::resolve {
namespace {

using Addresses = std::vector<base::Address>;

Addresses Of(const Addresses& all, sa_family_t family) {
  Addresses chosen;
  for (const base::Address& address : all) {
    if (address.family() == family) chosen.push_back(address);
  }
  return chosen;
}

bool OnlyLoopback(const Addresses& addresses) {
  return std::all_of(addresses.begin(), addresses.end(),
                     [](const base::Address& address) { return address.is_loopback(); });
}

Addresses Preferred(Addresses first, Addresses second) { return first.empty() ? std::move(second) : std::move(first); }

}  // namespace

Addresses ChooseFamily(Addresses addresses, DnsFamily family) {
  const auto less = [](const base::Address& a, const base::Address& b) {
    return std::pair(a.family(), a.ip_bytes()) < std::pair(b.family(), b.ip_bytes());
  };
  std::sort(addresses.begin(), addresses.end(), less);
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  if (family == DnsFamily::kAll) return addresses;

  Addresses v4 = Of(addresses, AF_INET), v6 = Of(addresses, AF_INET6);
  if (family == DnsFamily::kV4Only) return v4;
  if (family == DnsFamily::kV6Only) return v6;
  if (family == DnsFamily::kV4Preferred || OnlyLoopback(v6)) return Preferred(std::move(v4), std::move(v6));
  return Preferred(std::move(v6), std::move(v4));
}

}  // namespace weft::resolve
