#include "proxy/net/relay.h"

#include <memory>
#include <utility>

namespace weft::net {
namespace {

using base::BufferPool;
using base::BufferRef;
using base::ByteChain;
using base::Slice;

constexpr size_t kTurnBytes = 256 * 1024;  // that one direction may copy before the other connections have their turn

// What both directions share; lives in the frame of CopyBoth().
struct Pair {
  runtime::Event changed;
  int open = 2;         // directions that have not ended
  bool broken = false;  // one side failed: the other was reset, nothing more can pass
};

// What a direction waits for.
enum class Wait : uint8_t { kRead, kWrite, kTurn, kNothing };

// One direction: reads what is there, writes it, and waits only when one of the two cannot go on. An idle one is this
// and nothing else.
class Direction {
 public:
  Direction(runtime::Reactor& reactor, ByteStream& from, ByteStream& to, Pair& pair, RelayCounters& counters,
            bool to_downstream)
      : reactor_(reactor),
        from_(from),
        to_(to),
        pair_(pair),
        counters_(counters),
        share_(reactor, kTurnBytes),
        to_downstream_(to_downstream) {}

  // Bytes that were read before.
  void Begin(std::unique_ptr<ByteChain> prefix) {
    if (prefix != nullptr) Count(prefix->size());
    rest_ = std::move(prefix);
  }
  // Copies until it has to wait. kNothing: it has ended.
  Wait Copy();
  ByteStream& from() { return from_; }
  ByteStream& to() { return to_; }

 private:
  void Count(size_t bytes) {
    counters_.last_byte = reactor_.now();
    (to_downstream_ ? counters_.to_downstream : counters_.to_upstream) += bytes;
    if (to_downstream_ && counters_.first_byte_from_upstream == runtime::TimePoint{})
      counters_.first_byte_from_upstream = reactor_.now();
  }
  Wait Ended() {
    to_.ShutdownWrite();
    --pair_.open;
    pair_.changed.Set();
    return Wait::kNothing;
  }
  Wait Broke(ByteStream& other) {
    other.Reset();
    pair_.broken = true;
    pair_.changed.Set();
    return Wait::kNothing;
  }

  runtime::Reactor& reactor_;
  ByteStream& from_;
  ByteStream& to_;
  Pair& pair_;
  RelayCounters& counters_;
  runtime::TurnShare share_;
  std::unique_ptr<ByteChain> rest_;  // read, not written yet
  size_t want_ = BufferPool::kRegular;
  const bool to_downstream_;
};

// kOk: all of it is written.
IoState WriteOut(ByteStream& stream, ByteChain& bytes) {
  while (!bytes.empty()) {
    struct iovec pieces[16];
    const int count = bytes.FillIovecs(pieces, 16);
    const IoResult put = stream.TryWrite(pieces, count);
    if (put.state != IoState::kOk) return put.state;
    bytes.Consume(put.bytes);
  }
  return IoState::kOk;
}

Wait Direction::Copy() {
  for (;;) {
    if (rest_ != nullptr) {
      const IoState put = WriteOut(to_, *rest_);
      if (put == IoState::kWouldBlock) return Wait::kWrite;
      if (put != IoState::kOk) return Broke(from_);
      rest_.reset();
    }
    if (!from_.MayRead()) return Wait::kRead;
    BufferRef buffer = BufferPool::ForThisThread().Take(want_);
    const IoResult got = from_.TryRead(buffer.data(), buffer.capacity());
    if (got.state == IoState::kWouldBlock) return Wait::kRead;
    if (got.state == IoState::kEof) return Ended();
    if (got.state == IoState::kError) return Broke(to_);
    Count(got.bytes);
    want_ = got.bytes == buffer.capacity() ? BufferPool::kLarge : BufferPool::kRegular;
    const IoResult put = to_.TryWrite(buffer.data(), got.bytes);
    if (put.state == IoState::kError) return Broke(from_);
    if (put.state != IoState::kOk || put.bytes != got.bytes) {
      rest_ = std::make_unique<ByteChain>();
      rest_->Append(Slice{buffer, buffer.data(), got.bytes});
      if (put.state == IoState::kOk) rest_->Consume(put.bytes);
    }
    if (share_.Spend(got.bytes)) return Wait::kTurn;
  }
}

runtime::Task<void> Run(runtime::Reactor& reactor, Direction& way) {
  for (;;) {
    switch (way.Copy()) {
      case Wait::kRead: co_await way.from().Readable(); break;
      case Wait::kWrite: co_await way.to().Writable(); break;
      case Wait::kTurn: co_await runtime::NextTurn(reactor); break;
      case Wait::kNothing: co_return;
    }
  }
}

runtime::Task<void> CopyBoth(runtime::Reactor& reactor, ByteStream& downstream, ByteStream& upstream,
                             std::unique_ptr<ByteChain> prefix, RelayCounters& counters) {
  Pair pair{runtime::Event(reactor)};
  Direction down(reactor, upstream, downstream, pair, counters, true);
  Direction up(reactor, downstream, upstream, pair, counters, false);
  up.Begin(std::move(prefix));
  runtime::Scope scope(reactor);
  scope.Spawn(Run(reactor, down));
  scope.Spawn(Run(reactor, up));
  while (pair.open > 0 && !pair.broken) co_await pair.changed.Wait();
  counters.reset = pair.broken;
}

}  // namespace

runtime::Task<bool> WriteAll(ByteStream& stream, ByteChain bytes) {
  for (;;) {
    const IoState put = WriteOut(stream, bytes);
    if (put != IoState::kWouldBlock) co_return put == IoState::kOk;
    co_await stream.Writable();
  }
}

runtime::Task<void> Relay(runtime::Reactor& reactor, ByteStream& downstream, ByteStream& upstream, ByteChain prefix,
                          RelayCounters& counters) {
  std::unique_ptr<ByteChain> first;
  if (!prefix.empty()) first = std::make_unique<ByteChain>(std::move(prefix));
  return CopyBoth(reactor, downstream, upstream, std::move(first), counters);
}

}  // namespace weft::net
