// Feed: gives a parser the bytes of a ByteStream and hands its events on. The only file of the codec that touches a
// stream (the interface, never a socket). Holds a buffer only while bytes are in flight. One thread.
#ifndef WEFT_PROXY_CODEC_H1_FEED_H_
#define WEFT_PROXY_CODEC_H1_FEED_H_

#include <optional>

#include "proxy/base/buffer.h"
#include "proxy/base/result.h"
#include "proxy/codec/h1/parser.h"
#include "proxy/net/byte_stream.h"
#include "proxy/runtime/task.h"

namespace weft::codec::h1 {

// What the parser said, with body bytes that own their block.
struct Fed {
  Event event = Event::kNeedMore;  // never kNeedMore, except at a clean end of the stream between messages
  base::Slice body;
  bool last = false;  // with kBody: the message is complete
};

class Feed {
 public:
  Feed(net::ByteStream& stream, Parser& parser) : stream_(stream), parser_(parser) {}

  // The next event from what is here or can be read without waiting; nullopt: wait.
  std::optional<base::Result<Fed>> TryNext();
  // The next event. kNeedMore: the peer finished before a message began. A stream that fails is a Failure of kind
  // kIoError.
  runtime::Task<base::Result<Fed>> Next();

  // Bytes that were received but not parsed: after an upgrade they belong to the tunnel.
  base::ByteChain TakeReceived();
  // Puts bytes in front that somebody read before (detection).
  void Prepend(base::ByteChain bytes);
  bool has_bytes() const { return begin_ < end_; }
  // Before a wait: the block goes back when all its bytes are parsed.
  void ReleaseEmpty() {
    if (!has_bytes()) buffer_.Reset();
  }
  net::ByteStream& stream() { return stream_; }
  uint64_t bytes_read() const { return bytes_read_; }
  // Raw bytes after an upgrade: nullopt: wait; empty slice: the peer finished.
  std::optional<base::Result<base::Slice>> TryRaw();

 private:
  enum class Filled : uint8_t { kBytes, kWait, kEnd, kError };
  Filled Fill();

  net::ByteStream& stream_;
  Parser& parser_;
  base::BufferRef buffer_;
  size_t begin_ = 0, end_ = 0;
  size_t want_ = base::BufferPool::kRegular;
  uint64_t bytes_read_ = 0;
};

}  // namespace weft::codec::h1

#endif  // WEFT_PROXY_CODEC_H1_FEED_H_
