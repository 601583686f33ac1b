// Words of the configuration that proxy/detect shares, apart from spec.h so that it depends on no more. Plain values.
#ifndef WEFT_PROXY_CONFIG_L4_SPEC_H_
#define WEFT_PROXY_CONFIG_L4_SPEC_H_

#include <cstdint>

namespace weft::config {

// Ours, `preamble` in a filter chain's metadata "weft.dev": what the protocol says before its ClientHello
// (detect/preamble.h).
enum class Preamble : uint8_t { kNone, kPostgres };

// ProxyProtocolConfig.Version; none: no header.
enum class ProxyHeaderVersion : uint8_t { kNone, k1, k2 };

}  // namespace weft::config

#endif  // WEFT_PROXY_CONFIG_L4_SPEC_H_
