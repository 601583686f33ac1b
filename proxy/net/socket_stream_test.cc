#include "proxy/net/socket_stream.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "proxy/runtime/scope.h"
#include "proxy/runtime/wait.h"

namespace weft::net {
namespace {

class SocketStreamTest : public testing::Test {
 protected:
  SocketStreamTest() {
    auto bound = Listen(*Address::Parse("127.0.0.1:0"), {});
    EXPECT_TRUE(bound.ok());
    listening_ = std::move(*bound);
    address_ = LocalAddress(listening_.get());
  }
  runtime::Task<void> Connect() {
    auto dialled = co_await Dial(reactor_, address_, {});
    if (dialled.ok()) {
      client_ = std::move(*dialled);
    } else {
      failure_ = dialled.failure();
    }
    decided_ = true;
  }
  template <class Condition>
  void RunUntil(Condition condition) {
    for (int i = 0; i < 10'000 && !condition(); ++i) reactor_.RunOnce(std::chrono::milliseconds(10));
    EXPECT_TRUE(condition());
  }
  void Pair() {
    scope_.Spawn(Connect());
    RunUntil([&] { return decided_; });
    pollfd wait{listening_.get(), POLLIN, 0};
    poll(&wait, 1, 5000);
    server_ = Fd(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ASSERT_TRUE(client_ != nullptr && server_.valid());
  }

  runtime::Reactor reactor_;
  Fd listening_, server_;
  Address address_;
  std::unique_ptr<ByteStream> client_;
  base::Failure failure_;
  bool decided_ = false;
  runtime::Scope scope_{reactor_};
};

TEST_F(SocketStreamTest, DialsWritesAndReads) {
  Pair();
  EXPECT_EQ(client_->TryWrite("ping", 4).bytes, 4u);
  char text[16];
  EXPECT_EQ(read(server_.get(), text, sizeof text), 4);
  EXPECT_EQ(client_->TryRead(text, sizeof text).state, IoState::kWouldBlock);
  EXPECT_EQ(write(server_.get(), "pong!", 5), 5);
  RunUntil([&] { return client_->MayRead(); });
  const IoResult got = client_->TryRead(text, sizeof text);
  EXPECT_EQ(std::string(text, got.bytes), "pong!");
  EXPECT_FALSE(client_->MayRead());  // a short read has drained it: no extra system call
  EXPECT_EQ(client_->peer_address(), address_);
}

TEST_F(SocketStreamTest, AFinBehindDataIsSeenAfterTheData) {
  Pair();
  EXPECT_EQ(write(server_.get(), "last", 4), 4);
  server_.Reset();
  RunUntil([&] { return client_->PeerHasClosed() || client_->MayRead(); });
  char text[16];
  RunUntil([&] { return client_->MayRead(); });
  EXPECT_EQ(client_->TryRead(text, sizeof text).bytes, 4u);
  RunUntil([&] { return client_->MayRead(); });
  EXPECT_EQ(client_->TryRead(text, sizeof text).state, IoState::kEof);
}

TEST_F(SocketStreamTest, PeerHasClosedSettlesTheKeepAliveRaceBeforeWriting) {
  Pair();
  EXPECT_FALSE(client_->PeerHasClosed());
  server_.Reset();
  pollfd wait{static_cast<SocketStream&>(*client_).fd(), POLLIN, 0};
  poll(&wait, 1, 5000);  // the FIN is here, and the reactor has not run: it must be seen all the same
  EXPECT_TRUE(client_->PeerHasClosed());
}

TEST_F(SocketStreamTest, ResetArrivesAsAnError) {
  Pair();
  linger hard{1, 0};
  setsockopt(server_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  server_.Reset();
  RunUntil([&] { return client_->MayRead(); });
  char text[16];
  EXPECT_EQ(client_->TryRead(text, sizeof text).state, IoState::kError);
  EXPECT_FALSE(client_->ErrorText().empty());
  // The kernel says it once: who read after an early dial had seen the reset took it for a clean end.
  EXPECT_EQ(client_->TryRead(text, sizeof text).state, IoState::kError);
}

TEST_F(SocketStreamTest, ARefusedConnectionSaysSoAndIsSafeToRepeat) {
  listening_.Reset();
  scope_.Spawn(Connect());
  RunUntil([&] { return decided_; });
  EXPECT_EQ(failure_.kind, base::FailureKind::kConnectRefused);
  EXPECT_EQ(failure_.retry, base::RetrySafety::kNotSent);
  EXPECT_NE(failure_.detail.find(address_.ToString()), std::string::npos);
}

TEST(Listen, SaysWhatIsTaken) {
  auto first = Listen(*Address::Parse("127.0.0.1:0"), {.reuse_port = false});
  ASSERT_TRUE(first.ok());
  const Address taken = LocalAddress(first->get());
  auto second = Listen(taken, {.reuse_port = false});
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.failure().detail.find(taken.ToString()), std::string::npos);
}

}  // namespace
}  // namespace weft::net
