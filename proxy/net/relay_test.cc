#include "proxy/net/relay.h"

#include <gtest/gtest.h>

#include <string>

#include "proxy/net/memory_stream.h"
#include "proxy/runtime/scope.h"

namespace weft::net {
namespace {

class RelayTest : public testing::Test {
 protected:
  RelayTest() {
    auto [client, downstream] = MemoryStream::Pair(reactor_, 1000);
    auto [upstream, server] = MemoryStream::Pair(reactor_, 1000);
    client_ = std::move(client);
    downstream_ = std::move(downstream);
    upstream_ = std::move(upstream);
    server_ = std::move(server);
  }
  void Start(std::string prefix = "") {
    base::ByteChain received;
    received.AppendCopy(prefix);
    scope_.Spawn(Run(std::move(received)));
  }
  runtime::Task<void> Run(base::ByteChain prefix) {
    co_await Relay(reactor_, *downstream_, *upstream_, std::move(prefix), counters_);
    ended_ = true;
  }
  void Turns(int n = 50) {
    for (int i = 0; i < n; ++i) reactor_.RunOnce(runtime::Duration::zero());
  }
  // Everything that can be read now; "<end>" and "<error>" mark how it ended.
  std::string Drain(MemoryStream& stream) {
    std::string text;
    char piece[700];
    for (int i = 0; i < 1000; ++i) {
      const IoResult got = stream.TryRead(piece, sizeof piece);
      if (got.state == IoState::kOk) text.append(piece, got.bytes);
      if (got.state == IoState::kEof) return text + "<end>";
      if (got.state == IoState::kError) return text + "<error>";
      if (got.state == IoState::kWouldBlock) Turns(3);
    }
    return text;
  }

  runtime::FakeClock clock_;
  runtime::Reactor reactor_{clock_};
  std::unique_ptr<MemoryStream> client_, downstream_, upstream_, server_;
  RelayCounters counters_;
  bool ended_ = false;
  runtime::Scope scope_{reactor_};
};

TEST_F(RelayTest, CopiesBothWaysPrefixFirst) {
  Start("early ");
  client_->TryWrite("late", 4);
  server_->TryWrite("answer", 6);
  Turns();
  EXPECT_EQ(Drain(*server_), "early late");
  EXPECT_EQ(Drain(*client_), "answer");
  EXPECT_EQ(counters_.to_upstream, 10u);
  EXPECT_EQ(counters_.to_downstream, 6u);
  EXPECT_FALSE(ended_);
}

TEST_F(RelayTest, AHalfCloseIsPassedOnAndTheOtherDirectionGoesOn) {
  Start();
  client_->TryWrite("bye", 3);
  client_->ShutdownWrite();
  Turns();
  EXPECT_EQ(Drain(*server_), "bye<end>");
  server_->TryWrite("still here", 10);
  Turns();
  EXPECT_EQ(Drain(*client_), "still here");
  EXPECT_FALSE(ended_);
  server_->ShutdownWrite();
  Turns();
  EXPECT_EQ(Drain(*client_), "<end>");
  EXPECT_TRUE(ended_);
}

TEST_F(RelayTest, AResetIsPassedOn) {
  Start();
  server_->Reset();
  Turns();
  EXPECT_EQ(Drain(*client_), "<error>");
  EXPECT_TRUE(ended_);
  EXPECT_TRUE(counters_.reset);
}

TEST_F(RelayTest, BytesBeforeAFinAllArriveThroughASmallPipe) {
  std::string sent;
  Start();
  downstream_->faults().max_read = 7;
  upstream_->faults().max_write = 3;
  for (int i = 0; i < 5000; ++i) sent.push_back(static_cast<char>('a' + i % 26));
  std::string received;
  size_t at = 0;
  while (at < sent.size()) {
    const IoResult put = client_->TryWrite(sent.data() + at, std::min<size_t>(300, sent.size() - at));
    if (put.state == IoState::kOk) at += put.bytes;
    received += Drain(*server_);
  }
  client_->ShutdownWrite();
  received += Drain(*server_);
  EXPECT_EQ(received, sent + "<end>");
}

TEST_F(RelayTest, AReaderPausesWhileItsWriterIsBehind) {
  Start();
  std::string chunk(500, 'x');
  size_t taken = 0;
  for (int i = 0; i < 1000; ++i) {  // the server reads nothing
    const IoResult put = client_->TryWrite(chunk.data(), chunk.size());
    if (put.state == IoState::kOk) taken += put.bytes;
    Turns(2);
  }
  EXPECT_LT(taken,
            1000u + 1000u + 2 * base::BufferPool::kLarge);  // two pipes and the relay's own buffer, not half a megabyte
}

}  // namespace
}  // namespace weft::net
