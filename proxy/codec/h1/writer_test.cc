#include "proxy/codec/h1/writer.h"

#include <gtest/gtest.h>

namespace weft::codec::h1 {
namespace {

TEST(Writer, WritesARequestWithTheFramingOfThisConnection) {
  http::RequestHead head;
  head.method = "POST";
  head.path = "/a?b";
  head.authority = "up:1";
  head.headers.Add("X-Kept-Case", "1");
  HeadOptions options;
  options.framing = http::Framing::kChunked;
  base::ByteChain out;
  WriteRequestHead(head, options, &out);
  EXPECT_EQ(out.ToString(), "POST /a?b HTTP/1.1\r\nhost: up:1\r\nX-Kept-Case: 1\r\ntransfer-encoding: chunked\r\n\r\n");
  options = HeadOptions{};
  options.authority = "instead";
  options.te_trailers = true;
  base::ByteChain other;
  WriteRequestHead(head, options, &other);
  EXPECT_EQ(other.ToString(),
            "POST /a?b HTTP/1.1\r\nhost: instead\r\nX-Kept-Case: 1\r\nconnection: te\r\nte: trailers\r\n\r\n");
}

TEST(Writer, WritesAResponse) {
  http::ResponseHead head;
  head.status = 404;
  HeadOptions options;
  options.framing = http::Framing::kLength;
  options.content_length = 12;
  options.close = true;
  base::ByteChain out;
  WriteResponseHead(head, options, &out);
  EXPECT_EQ(out.ToString(), "HTTP/1.1 404 Not Found\r\ncontent-length: 12\r\nconnection: close\r\n\r\n");
}

TEST(Writer, SwitchesProtocols) {
  http::ResponseHead head;
  head.status = 101;
  HeadOptions options;
  options.upgrade = "websocket";
  base::ByteChain out;
  WriteResponseHead(head, options, &out);
  EXPECT_EQ(out.ToString(), "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
}

TEST(Writer, FramesChunksAndTrailers) {
  base::ByteChain out;
  const std::string data(26, 'z');
  WriteChunk(base::Slice{{}, data.data(), data.size()}, &out);
  base::Arena arena;
  http::Headers trailers(arena);
  trailers.Add("x-sum", "7");
  WriteLastChunk(&trailers, &out);
  EXPECT_EQ(out.ToString(), "1a\r\n" + data + "\r\n0\r\nx-sum: 7\r\n\r\n");
  base::ByteChain bare;
  WriteLastChunk(nullptr, &bare);
  EXPECT_EQ(bare.ToString(), "0\r\n\r\n");
}

}  // namespace
}  // namespace weft::codec::h1
