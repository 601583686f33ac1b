// RequestHead and ResponseHead: one message model for every protocol. The codec fills them from bytes and writes bytes
// from them; the stages between see nothing of HTTP/1 or HTTP/2. One thread. A head owns the Arena of its texts.
#ifndef WEFT_PROXY_HTTP_MESSAGE_H_
#define WEFT_PROXY_HTTP_MESSAGE_H_

#include <cstdint>
#include <string_view>

#include "proxy/base/arena.h"
#include "proxy/http/headers.h"

namespace weft::http {

enum class Version : uint8_t { kHttp10, kHttp11, kHttp2 };

// How the body's end is told (RFC 9112 section 6). kNone: there is no body.
enum class Framing : uint8_t { kNone, kLength, kChunked, kUntilClose };

// RFC 9110 section 9.2.2: GET, HEAD, OPTIONS, TRACE, PUT, DELETE.
bool IsIdempotent(std::string_view method);

struct RequestHead {
  base::Arena arena;
  std::string_view method;     // as sent, case-sensitive
  std::string_view path;       // path and query, "/…" or "*"; empty for CONNECT
  std::string_view authority;  // host[:port]: Host, the target's authority, or :authority
  std::string_view scheme;     // "http" or "https"; from the connection unless the target was absolute
  Version version = Version::kHttp11;
  // All fields except Host and those of the framing and of the connection (Content-Length, Transfer-Encoding,
  // Connection, Keep-Alive, Proxy-Connection, TE other than "trailers", Upgrade and every field that Connection named):
  // the codec takes them out and says what they meant in the members below.
  Headers headers{arena};
  Framing framing = Framing::kNone;
  uint64_t content_length = 0;      // with kLength
  bool has_content_length = false;  // it was said, perhaps as 0
  Headers trailers{arena};          // complete once the body has ended
  bool keep_alive = true;           // the client allows another request on this connection
  bool expect_continue = false;     // "Expect: 100-continue" (taken out of headers)
  std::string_view upgrade;         // value of Upgrade when Connection names it, else empty
  bool accepts_trailers = false;    // "TE: trailers"

  bool is_head() const { return method == "HEAD"; }
  bool is_connect() const { return method == "CONNECT"; }
  std::string_view path_without_query() const { return path.substr(0, path.find('?')); }
  std::string_view query() const {
    const size_t mark = path.find('?');
    return mark == std::string_view::npos ? std::string_view() : path.substr(mark + 1);
  }
};

struct ResponseHead {
  base::Arena arena;
  int status = 0;
  std::string_view reason;  // HTTP/1 reason phrase; may be empty
  Version version = Version::kHttp11;
  Headers headers{arena};  // without framing and connection fields, as above; Date and Server stay
  Framing framing = Framing::kNone;
  uint64_t content_length = 0;  // with kLength; for HEAD and 304: what the header said, framing is kNone
  bool has_content_length = false;
  Headers trailers{arena};              // complete once the body has ended
  bool keep_alive = true;               // the server allows another request on this connection
  int keep_alive_timeout_seconds = -1;  // "Keep-Alive: timeout=N", -1: not said
  std::string_view upgrade;             // with 101
};

}  // namespace weft::http

#endif  // WEFT_PROXY_HTTP_MESSAGE_H_
