#include "proxy/app/first_bytes.h"

#include <string>

namespace weft::app {

runtime::Task<void> ReadFirstBytes(runtime::Reactor& reactor, net::ByteStream& stream, FirstBytes& first) {
  std::string text = first.received.ToString();
  if (!text.empty()) first.verdict = detect::Classify(text);
  while (first.verdict.protocol == detect::Protocol::kNeedMore) {
    base::BufferRef buffer = base::BufferPool::ForThisThread().Take();
    const net::IoResult got = stream.TryRead(buffer.data(), buffer.capacity());
    if (got.state == net::IoState::kWouldBlock) {
      buffer.Reset();
      co_await stream.Readable();
      continue;
    }
    if (got.state != net::IoState::kOk) {
      first.ended = text.empty();
      first.verdict.protocol = detect::Protocol::kOpaque;  // what came is all that comes
      co_return;
    }
    if (first.seen_at == telemetry::kUnset) first.seen_at = reactor.now();
    text.append(buffer.data(), got.bytes);
    // Copied: a client that sends byte by byte would pin a block for each.
    first.received.AppendCopy({buffer.data(), got.bytes});
    first.verdict = detect::Classify(text);
  }
}

}  // namespace weft::app
