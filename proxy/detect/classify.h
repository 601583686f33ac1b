// Classify: what a client's first bytes are. A pure function with a stated bias: what is not clearly TLS or HTTP is
// opaque, and opaque traffic passes. Called with all bytes so far, again after each read, and once more on the
// plaintext after TLS.
#ifndef WEFT_PROXY_DETECT_CLASSIFY_H_
#define WEFT_PROXY_DETECT_CLASSIFY_H_

#include <cstdint>
#include <string_view>

#include "proxy/detect/client_hello.h"

namespace weft::detect {

enum class Protocol : uint8_t {
  kNeedMore,  // could still become several
  kTls,       // a complete ClientHello
  kHttp1,     // a complete HTTP/1 request line
  kHttp2,     // the connection preface (RFC 9113 section 3.4)
  kOpaque,
};

struct Verdict {
  Protocol protocol = Protocol::kNeedMore;
  ClientHello hello;  // with kTls
};

Verdict Classify(std::string_view bytes);

}  // namespace weft::detect

#endif  // WEFT_PROXY_DETECT_CLASSIFY_H_
