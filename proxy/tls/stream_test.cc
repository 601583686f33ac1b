#include "proxy/tls/stream.h"

#include <malloc.h>

#include <vector>

#include "pki/certificate.h"
#include "proxy/tls/tls_test_pair.h"

namespace weft::tls {
namespace {

using net::IoResult;
using net::IoState;

TEST_F(TlsTest, MutualHandshakeKnowsBothEnds) {
  auto pair = Handshake(Server(), Client());
  ASSERT_TRUE(pair->client.stream && pair->server.stream) << pair->client.failure.detail << pair->server.failure.detail;
  TlsStream& client = *pair->client.stream;
  TlsStream& server = *pair->server.stream;
  EXPECT_EQ(client.peer_uri(), kPay);
  EXPECT_EQ(server.peer_uri(), kCart);
  EXPECT_EQ(client.local_uri(), kCart);
  EXPECT_EQ(server.local_uri(), kPay);
  EXPECT_EQ(server.peer()->sha256.size(), 64u);
  EXPECT_EQ(pki::ReadCertificates(client.PeerChainPem())->size(), 2u);
  EXPECT_EQ(client.version(), "TLSv1.3");
  EXPECT_EQ(client.group(), "X25519MLKEM768");
  EXPECT_EQ(server.alpn(), "");
  EXPECT_EQ(Pass(client, server, "ping"), "ping");
  EXPECT_EQ(Pass(server, client, "pong"), "pong");
}

struct FaultCase {
  size_t max_read, max_write;
};
class ShortIo : public TlsTest, public ::testing::WithParamInterface<FaultCase> {};

TEST_P(ShortIo, HandshakeAndBulkSurviveAnyPieces) {
  net::MemoryStream::Faults faults;
  faults.max_read = GetParam().max_read;
  faults.max_write = GetParam().max_write;
  auto pair = Handshake(Server(), Client(), faults);
  ASSERT_TRUE(pair->client.stream && pair->server.stream) << pair->client.failure.detail << pair->server.failure.detail;
  std::string text;
  for (int i = 0; text.size() < 40000; ++i) text += std::to_string(i) + ",";
  EXPECT_EQ(Pass(*pair->client.stream, *pair->server.stream, text), text);
  EXPECT_EQ(Pass(*pair->server.stream, *pair->client.stream, text), text);
}

INSTANTIATE_TEST_SUITE_P(Sizes, ShortIo,
                         ::testing::Values(FaultCase{7, SIZE_MAX}, FaultCase{SIZE_MAX, 13}, FaultCase{100, 100},
                                           FaultCase{1500, 1460}, FaultCase{16384, 5}, FaultCase{SIZE_MAX, SIZE_MAX}));

TEST_F(TlsTest, OneByteAtATime) {
  net::MemoryStream::Faults faults;
  faults.max_read = faults.max_write = 1;
  auto pair = Handshake(Server(), Client(), faults);
  ASSERT_TRUE(pair->client.stream && pair->server.stream);
  EXPECT_EQ(Pass(*pair->client.stream, *pair->server.stream, "hello"), "hello");
}

TEST_F(TlsTest, MegabytesUnderBackpressure) {
  auto pair = Handshake(Server(), Client());
  ASSERT_TRUE(pair->client.stream && pair->server.stream);
  std::string text(3 << 20, 'x');
  for (size_t i = 0; i < text.size(); i += 101) text[i] = static_cast<char>(i);
  EXPECT_TRUE(Pass(*pair->client.stream, *pair->server.stream, text) == text);
}

TEST_F(TlsTest, ManyPiecesBecomeOneRecord) {
  auto pair = Handshake(Server(), Client());
  ASSERT_TRUE(pair->client.stream && pair->server.stream);
  const std::string head(300, 'h'), body(1000, 'b'), tail(9, 't');
  const struct iovec pieces[] = {{const_cast<char*>(head.data()), head.size()},
                                 {nullptr, 0},
                                 {const_cast<char*>(body.data()), body.size()},
                                 {const_cast<char*>(tail.data()), tail.size()}};
  const IoResult put = pair->client.stream->TryWrite(pieces, 4);
  EXPECT_EQ(put.bytes, 1309u);
  char room[20000];
  const IoResult got = pair->server.stream->TryRead(room, sizeof room);
  EXPECT_EQ(std::string(room, got.bytes), head + body + tail) << "one read gives all: it was one record";
}

TEST_F(TlsTest, CloseNotifyIsAnEndAndAnythingElseIsNot) {
  {
    auto pair = Handshake(Server(), Client());
    EXPECT_EQ(Pass(*pair->client.stream, *pair->server.stream, "x"), "x");
    pair->client.stream->Close();
    Turn(3);
    char room[10];
    EXPECT_EQ(pair->server.stream->TryRead(room, sizeof room).state, IoState::kEof);
    EXPECT_TRUE(pair->server.stream->PeerHasClosed());
  }
  {
    auto pair = Handshake(Server(), Client());
    pair->client.lower->ShutdownWrite();  // FIN without close_notify
    Turn(3);
    char room[10];
    EXPECT_EQ(pair->server.stream->TryRead(room, sizeof room).state, IoState::kError);
    EXPECT_EQ(pair->server.stream->fault().fault, Fault::kTruncated);
    EXPECT_NE(pair->server.stream->ErrorText().find("without close_notify"), std::string::npos);
    EXPECT_TRUE(pair->server.stream->PeerHasClosed());
  }
  {
    auto pair = Handshake(Server(), Client());
    pair->client.stream->Reset();
    Turn(3);
    char room[10];
    const IoResult got = pair->server.stream->TryRead(room, sizeof room);
    EXPECT_EQ(got.state, IoState::kError);
    EXPECT_EQ(got.error, ECONNRESET);
    EXPECT_EQ(pair->server.stream->TryWrite("x", 1).state, IoState::kError);
  }
}

TEST_F(TlsTest, HalfCloseKeepsTheOtherDirection) {
  auto pair = Handshake(Server(), Client());
  pair->client.stream->ShutdownWrite();
  EXPECT_EQ(pair->client.stream->TryWrite("late", 4).state, IoState::kError);
  Turn(2);
  char room[10];
  EXPECT_EQ(pair->server.stream->TryRead(room, sizeof room).state, IoState::kEof);
  EXPECT_EQ(Pass(*pair->server.stream, *pair->client.stream, "still here"), "still here");
  pair->server.stream->ShutdownWrite();
  Turn(2);
  EXPECT_EQ(pair->client.stream->TryRead(room, sizeof room).state, IoState::kEof);
}

TEST_F(TlsTest, HalfCloseBehindUnsentBytesKeepsTheOrder) {
  auto pair = Handshake(Server(), Client());
  pair->client.lower->faults().max_write = 0;  // a full socket
  std::string text(50000, 'q');
  IoResult put = pair->client.stream->TryWrite(text.data(), text.size());
  ASSERT_EQ(put.state, IoState::kOk);  // kept in the stream
  text.resize(put.bytes);
  pair->client.stream->ShutdownWrite();
  pair->client.lower->faults().max_write = 1000;
  pair->client.lower->Poke();
  std::string got, room(70000, '\0');
  bool ended = false;
  TurnUntil([&] {
    const IoResult get = pair->server.stream->TryRead(room.data(), room.size());
    if (get.state == IoState::kOk) got.append(room, 0, get.bytes);
    EXPECT_NE(get.state, IoState::kError) << pair->server.stream->ErrorText();
    ended = get.state == IoState::kEof;
    return ended;
  });
  EXPECT_TRUE(ended);
  EXPECT_EQ(got, text);
}

TEST_F(TlsTest, AnIdleConnectionWithATicketIsNotClosed) {
  auto pair = Handshake(Server(), Client());
  Turn(3);  // the server's session ticket lies unread at the client
  EXPECT_FALSE(pair->client.stream->PeerHasClosed());
  EXPECT_FALSE(pair->server.stream->PeerHasClosed());
  pair->server.stream->Close();
  Turn(3);
  EXPECT_TRUE(pair->client.stream->PeerHasClosed());
}

runtime::Task<void> ReadOne(TlsStream& stream, std::string* got) {
  char room[100];
  for (;;) {
    const IoResult result = stream.TryRead(room, sizeof room);
    if (result.state == IoState::kWouldBlock) {
      co_await stream.Readable();
      continue;
    }
    *got = result.state == IoState::kOk ? std::string(room, result.bytes) : "ended";
    co_return;
  }
}

TEST_F(TlsTest, WaitersWake) {
  auto pair = Handshake(Server(), Client());
  std::string got;
  scope_.Spawn(ReadOne(*pair->server.stream, &got));
  Turn(5);
  EXPECT_EQ(got, "");
  pair->client.stream->TryWrite("wake", 4);
  EXPECT_TRUE(TurnUntil([&] { return got == "wake"; }, 10));
  got.clear();
  scope_.Spawn(ReadOne(*pair->server.stream, &got));
  pair->client.stream->Close();
  EXPECT_TRUE(TurnUntil([&] { return got == "ended"; }, 10));
}

TEST_F(TlsTest, SilenceEndsAtTheDeadline) {
  auto pair = std::make_unique<Pair>();
  auto [a, b] = net::MemoryStream::Pair(reactor_);
  scope_.Spawn(Accept(reactor_, std::move(b), Server(), {}, In(std::chrono::seconds(2)), &pair->server));
  Turn(1900);
  EXPECT_FALSE(pair->server.done);
  Turn(200);
  EXPECT_TRUE(pair->server.done);
  EXPECT_EQ(pair->server.failure.kind, base::FailureKind::kDownstreamTls);
  EXPECT_EQ(pair->server.failure.detail.find("handshake_timeout"), 0u) << pair->server.failure.detail;
}

TEST_F(TlsTest, APeerThatLeavesInTheMiddle) {
  for (const size_t bytes : {0u, 1u, 200u, 1700u}) {
    auto pair = std::make_unique<Pair>();
    auto [a, b] = net::MemoryStream::Pair(reactor_);
    net::MemoryStream* lower = b.get();
    (void)lower;
    a->faults().reset_after = bytes == 0 ? SIZE_MAX : bytes;
    net::MemoryStream* client = a.get();
    scope_.Spawn(Accept(reactor_, std::move(b), Server(), {}, In(std::chrono::seconds(5)), &pair->server));
    scope_.Spawn(Connect(reactor_, std::move(a), Client(), {}, In(std::chrono::seconds(5)), &pair->client));
    if (bytes == 0) client->Close();
    TurnUntil([&] { return pair->server.done && pair->client.done; }, 100);
    ASSERT_TRUE(pair->server.done) << bytes;
    EXPECT_EQ(pair->server.failure.kind, base::FailureKind::kDownstreamTls) << bytes;
    EXPECT_EQ(pair->server.failure.detail.find("closed_in_handshake"), 0u)
        << bytes << " " << pair->server.failure.detail;
  }
}

TEST_F(TlsTest, BytesThatDetectHasRead) {
  for (const size_t already : {1u, 5u, 100u, 1000u}) {
    auto pair = std::make_unique<Pair>();
    auto [a, b] = net::MemoryStream::Pair(reactor_);
    scope_.Spawn(Connect(reactor_, std::move(a), Client(), {}, In(std::chrono::seconds(5)), &pair->client));
    Turn(2);
    std::string room(already, '\0');
    const IoResult got = b->TryRead(room.data(), room.size());
    ASSERT_EQ(got.bytes, already);
    base::ByteChain prefix;
    prefix.AppendCopy(room);
    scope_.Spawn(
        Accept(reactor_, std::move(b), Server(), std::move(prefix), In(std::chrono::seconds(5)), &pair->server));
    TurnUntil([&] { return pair->client.done && pair->server.done; }, 100);
    ASSERT_TRUE(pair->server.stream != nullptr) << already << pair->server.failure.detail;
    EXPECT_EQ(Pass(*pair->client.stream, *pair->server.stream, "after"), "after");
  }
}

TEST_F(TlsTest, AHandshakeDestroyedHalfway) {
  auto [a, b] = net::MemoryStream::Pair(reactor_);
  a->faults().stall_reads = true;  // the client never sees the server's flight
  End server, client;
  {
    runtime::Scope inner(reactor_);
    inner.Spawn(Accept(reactor_, std::move(b), Server(), {}, In(std::chrono::seconds(5)), &server));
    inner.Spawn(Connect(reactor_, std::move(a), Client(), {}, In(std::chrono::seconds(5)), &client));
    reactor_.RunOnce(runtime::Duration::zero());
    EXPECT_EQ(inner.size(), 2u);
  }
  Turn(10);
  EXPECT_FALSE(server.done || client.done);
}

TEST_F(TlsTest, HandshakesDestroyedWhileTheyWaitForTheirTurn) {
  std::vector<End> ends(40);
  {
    runtime::Scope inner(reactor_);
    for (End& end : ends) {
      auto [a, b] = net::MemoryStream::Pair(reactor_);
      inner.Spawn(Accept(reactor_, std::move(b), Server(), {}, In(std::chrono::seconds(5)), &end));
    }
    EXPECT_EQ(inner.size(), ends.size());
  }
  Turn(10);
  EXPECT_TRUE(Handshake(Server(), Client())->server.stream != nullptr) << "the gate goes on";
}

TEST_F(TlsTest, AStormOfHandshakesIsSpreadOverTurns) {
  constexpr int kMany = 60;
  std::vector<std::unique_ptr<Pair>> pairs;
  auto server = Server();
  auto client = Client();
  ConnectOptions options;
  options.resume = false;
  for (int i = 0; i < kMany; ++i) {
    pairs.push_back(std::make_unique<Pair>());
    auto [a, b] = net::MemoryStream::Pair(reactor_);
    const auto deadline = In(std::chrono::seconds(5));
    scope_.Spawn(Accept(reactor_, std::move(b), server, {}, deadline, &pairs.back()->server));
    scope_.Spawn(Connect(reactor_, std::move(a), client, options, deadline, &pairs.back()->client));
  }
  int turns = 0;
  const auto done = [&] {
    int count = 0;
    for (const auto& pair : pairs) count += pair->server.done && pair->client.done ? 1 : 0;
    return count;
  };
  int before = done();
  while (done() < kMany && turns < 5000) {
    reactor_.RunOnce(runtime::Duration::zero());
    clock_.Advance(std::chrono::milliseconds(2));
    ++turns;
    EXPECT_LE(done() - before, 8) << "no turn finishes more than its share";
    before = done();
  }
  EXPECT_EQ(done(), kMany);
  for (const auto& pair : pairs) EXPECT_TRUE(pair->server.stream != nullptr) << pair->server.failure.detail;
  EXPECT_GT(turns, 2 * kMany / 8);
}

#if !defined(__SANITIZE_ADDRESS__) && \
    !(defined(__has_feature) && (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer)))
TEST_F(TlsTest, MemoryOfAnIdleMutualPair) {
  constexpr int kMany = 200;
  std::vector<std::unique_ptr<Pair>> pairs;
  auto server = Server();
  auto client = Client();
  pairs.push_back(Handshake(server, client));  // caches, pools
  const size_t before = mallinfo2().uordblks;
  for (int i = 0; i < kMany; ++i) {
    pairs.push_back(Handshake(server, client));
    ASSERT_TRUE(pairs.back()->server.stream && pairs.back()->client.stream);
    EXPECT_EQ(Pass(*pairs.back()->client.stream, *pairs.back()->server.stream, "hi"), "hi");
    EXPECT_EQ(Pass(*pairs.back()->server.stream, *pairs.back()->client.stream, "ho"), "ho");
  }
  const size_t each_side = (mallinfo2().uordblks - before) / (2 * kMany);
  RecordProperty("bytes_per_side", static_cast<int>(each_side));
  printf("idle mutual TLS connection: %zu bytes a side (with the memory pair below it)\n", each_side);
  EXPECT_LE(each_side, 6500u + 1500u);  // the pair in memory takes some 1.3 kB of this
}
#endif

}  // namespace
}  // namespace weft::tls
