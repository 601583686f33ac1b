// Chooses among the addresses that a name has, by the family that the cluster asks for. Pure function.
#ifndef WEFT_PROXY_RESOLVE_ADDRESSES_H_
#define WEFT_PROXY_RESOLVE_ADDRESSES_H_

#include <vector>

#include "proxy/base/address.h"
#include "proxy/resolve/resolver.h"

namespace weft::resolve {

// Sorted, without doubles. kAuto prefers IPv6 (Envoy), except that of the two loopback addresses 127.0.0.1 is taken:
// that is where a server on "localhost" listens. An empty result: none of the family.
std::vector<base::Address> ChooseFamily(std::vector<base::Address> addresses, DnsFamily family);

}  // namespace weft::resolve

#endif  // WEFT_PROXY_RESOLVE_ADDRESSES_H_
