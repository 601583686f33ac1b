// ProxyHeader: the PROXY protocol, versions 1 (a line of text) and 2 (binary), read and written
// (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt). It stands before everything else on a connection and
// says who the client is that a load balancer connected for. Pure functions over all bytes so far; strict: what is not
// exactly a header is kBroken, because a guess here is a forged address.
#ifndef WEFT_PROXY_DETECT_PROXY_HEADER_H_
#define WEFT_PROXY_DETECT_PROXY_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/config/l4_spec.h"

namespace weft::detect {

using ProxyVersion = config::ProxyHeaderVersion;

struct ProxyTlv {  // section 2.2
  uint8_t type = 0;
  std::string value;
};

struct ProxyHeader {
  ProxyVersion version = ProxyVersion::k1;
  // Not valid: LOCAL, UNKNOWN or nothing said. Then the connection stands for itself.
  base::Address source, destination;
  std::vector<ProxyTlv> tlvs;  // those that were asked for
};

struct ProxyRead {
  enum class State : uint8_t {
    kNeedMore,
    kHeader,
    kNone,    // certainly no header: the first bytes differ from both signatures
    kBroken,  // begins as one and is none; `why` says what is wrong
  } state = State::kNeedMore;
  size_t size = 0;  // of the header, with kHeader
  ProxyHeader header;
  std::string_view why;
};

// The longest that is taken: 107 bytes of version 1 are given by the protocol; of version 2 (up to 65551) this much.
inline constexpr size_t kMaxProxyHeader = 4096;

// `want_tlvs`: keep them; otherwise they are only checked.
ProxyRead ReadProxyHeader(std::string_view bytes, bool want_tlvs = false);

// Empty for kNone. Version 1 writes UNKNOWN for what is not IP; version 2 writes unix paths as well, and LOCAL when
// `source` is not valid. IPv4 beside IPv6 is written as mapped IPv6. A checksum among `tlvs` would be wrong: leave it
// out.
std::string WriteProxyHeader(ProxyVersion version, const base::Address& source, const base::Address& destination,
                             const std::vector<ProxyTlv>& tlvs = {});

}  // namespace weft::detect

#endif  // WEFT_PROXY_DETECT_PROXY_HEADER_H_
