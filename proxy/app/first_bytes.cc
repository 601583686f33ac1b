#include "proxy/app/first_bytes.h"

#include <string>

namespace weft::app {

runtime::Task<void> ReadFirstBytes(runtime::Reactor& reactor, net::ByteStream& stream, FirstBytes& first) {
  std::string text;
  for (;;) {
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
    if (text.empty()) first.seen_at = reactor.now();
    text.append(buffer.data(), got.bytes);
    first.received.Append(base::Slice{buffer, buffer.data(), got.bytes});
    first.verdict = detect::Classify(text);
    if (first.verdict.protocol != detect::Protocol::kNeedMore) co_return;
  }
}

}  // namespace weft::app
