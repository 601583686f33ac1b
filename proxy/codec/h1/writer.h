// HTTP/1 writing: message heads and chunk framing to bytes. No sockets, no clock. One thread.
#ifndef WEFT_PROXY_CODEC_H1_WRITER_H_
#define WEFT_PROXY_CODEC_H1_WRITER_H_

#include <string_view>

#include "proxy/base/buffer.h"
#include "proxy/http/message.h"

namespace weft::codec::h1 {

// How a head is to be framed on this connection; what the codec took out when reading it puts back when writing.
struct HeadOptions {
  http::Framing framing = http::Framing::kNone;
  uint64_t content_length = 0;
  bool write_content_length = false;  // also with kNone: HEAD, 304, "Content-Length: 0"
  bool close = false;                 // "connection: close"
  bool keep_alive_1_0 = false;        // "connection: keep-alive", towards an HTTP/1.0 client
  std::string_view upgrade;           // "connection: upgrade" and "upgrade: …"
  bool te_trailers = false;           // "te: trailers"
  std::string_view authority;         // of a request, instead of the head's when set
  // Short content (kShortContent at most) that is copied behind the head, unframed: one piece is one send() instead of
  // a sendmsg(), and a TLS record without gathering.
  std::string_view content;
};
inline constexpr size_t kShortContent = 1024;

// Appends the whole head. Always HTTP/1.1 (RFC 9112 section 2.3: a proxy sends its own version).
void WriteRequestHead(const http::RequestHead& head, const HeadOptions& options, base::ByteChain* out);
void WriteResponseHead(const http::ResponseHead& head, const HeadOptions& options, base::ByteChain* out);

// "1a\r\n" … "\r\n" around the piece, and the end with its trailers.
void WriteChunk(base::Slice data, base::ByteChain* out);
void WriteLastChunk(const http::Headers* trailers, base::ByteChain* out);

}  // namespace weft::codec::h1

#endif  // WEFT_PROXY_CODEC_H1_WRITER_H_
