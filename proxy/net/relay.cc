#include "proxy/net/relay.h"

namespace weft::net {
namespace {

using base::BufferPool;
using base::BufferRef;
using base::ByteChain;
using base::Slice;

constexpr size_t kTurnBytes = 256 * 1024;  // that one direction may copy before the other connections have their turn

// What both directions share; lives in Relay()'s frame.
struct Pair {
  runtime::Event changed;
  int open = 2;         // directions that have not ended
  bool broken = false;  // one side failed: the other was reset, nothing more can pass
};

struct Direction {
  ByteStream& from;
  ByteStream& to;
  uint64_t& bytes;
  runtime::TimePoint& last_byte;
  runtime::TimePoint* first_byte;  // stamped at the first byte, when not null
  Pair& pair;

  void Ended() {
    to.ShutdownWrite();
    --pair.open;
    pair.changed.Set();
  }
  void Broke(ByteStream& other) {
    other.Reset();
    pair.broken = true;
    pair.changed.Set();
  }
};

// One direction: read what is there, write it, and wait only when one of the two cannot go on.
runtime::Task<void> Copy(runtime::Reactor& reactor, Direction way, ByteChain first) {
  if (!first.empty()) {
    way.bytes += first.size();
    way.last_byte = reactor.now();
    if (!co_await WriteAll(way.to, std::move(first))) {
      way.Broke(way.from);
      co_return;
    }
  }
  size_t want = BufferPool::kRegular;
  runtime::TurnShare share(reactor, kTurnBytes);
  for (;;) {
    if (!way.from.MayRead()) co_await way.from.Readable();
    BufferRef buffer = BufferPool::ForThisThread().Take(want);
    const IoResult got = way.from.TryRead(buffer.data(), buffer.capacity());
    if (got.state == IoState::kWouldBlock) continue;
    if (got.state == IoState::kEof) {
      way.Ended();
      co_return;
    }
    if (got.state == IoState::kError) {
      way.Broke(way.to);
      co_return;
    }
    if (way.first_byte != nullptr && *way.first_byte == runtime::TimePoint{}) *way.first_byte = reactor.now();
    way.bytes += got.bytes;
    way.last_byte = reactor.now();
    want = got.bytes == buffer.capacity() ? BufferPool::kLarge : BufferPool::kRegular;
    const IoResult put = way.to.TryWrite(buffer.data(), got.bytes);
    if (put.state == IoState::kOk && put.bytes == got.bytes) {
      buffer.Reset();
      if (share.Spend(got.bytes)) co_await runtime::NextTurn(reactor);
      continue;
    }
    ByteChain rest;
    rest.Append(Slice{buffer, buffer.data(), got.bytes});
    if (put.state == IoState::kOk) rest.Consume(put.bytes);
    buffer.Reset();
    if (put.state == IoState::kError || !co_await WriteAll(way.to, std::move(rest))) {
      way.Broke(way.from);
      co_return;
    }
  }
}

}  // namespace

runtime::Task<bool> WriteAll(ByteStream& stream, ByteChain bytes) {
  while (!bytes.empty()) {
    struct iovec pieces[16];
    const int count = bytes.FillIovecs(pieces, 16);
    const IoResult put = stream.TryWrite(pieces, count);
    if (put.state == IoState::kOk) {
      bytes.Consume(put.bytes);
    } else if (put.state == IoState::kWouldBlock) {
      co_await stream.Writable();
    } else {
      co_return false;
    }
  }
  co_return true;
}

runtime::Task<void> Relay(runtime::Reactor& reactor, ByteStream& downstream, ByteStream& upstream, ByteChain prefix,
                          RelayCounters& counters) {
  Pair pair{runtime::Event(reactor)};
  runtime::Scope scope(reactor);
  const Direction down{
      upstream, downstream, counters.to_downstream, counters.last_byte, &counters.first_byte_from_upstream, pair};
  const Direction up{downstream, upstream, counters.to_upstream, counters.last_byte, nullptr, pair};
  scope.Spawn(Copy(reactor, down, {}));
  scope.Spawn(Copy(reactor, up, std::move(prefix)));
  while (pair.open > 0 && !pair.broken) co_await pair.changed.Wait();
  counters.reset = pair.broken;
}

}  // namespace weft::net
