// Classify: what a client's first bytes are. A pure function with a stated bias: what is not clearly TLS or HTTP is
// opaque, and opaque traffic passes. Called with all bytes so far, again after each read, and once more on the
// plaintext after TLS.
#ifndef WEFT_PROXY_DETECT_CLASSIFY_H_
#define WEFT_PROXY_DETECT_CLASSIFY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::detect {

// Bytes after which an unfinished ClientHello or request line is taken for opaque. A ClientHello with post-quantum key
// shares has about 1.8 kB; TLS allows 16 MiB, nobody sends more than a few records.
inline constexpr size_t kMaxFirstBytes = 32 * 1024;

enum class Protocol : uint8_t {
  kNeedMore,  // could still become several
  kTls,       // a complete ClientHello
  kHttp1,     // a complete HTTP/1 request line
  kHttp2,     // the connection preface (RFC 9113 section 3.4)
  kOpaque,
};

struct ClientHello {
  std::string server_name;             // SNI host_name, lower case; empty: none
  std::vector<std::string> protocols;  // ALPN, in the client's order
};

struct Verdict {
  Protocol protocol = Protocol::kNeedMore;
  ClientHello hello;  // with kTls
};

Verdict Classify(std::string_view bytes);

}  // namespace weft::detect

#endif  // WEFT_PROXY_DETECT_CLASSIFY_H_
