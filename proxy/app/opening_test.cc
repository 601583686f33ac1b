#include "proxy/app/opening.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "proxy/net/memory_stream.h"
#include "proxy/runtime/scope.h"

namespace weft::app {
namespace {

const std::string kSsl("\0\0\0\x08\x04\xd2\x16\x2f", 8), kGss("\0\0\0\x08\x04\xd2\x16\x30", 8);

class OpeningTest : public testing::Test {
 protected:
  OpeningTest() { std::tie(client_, ours_) = net::MemoryStream::Pair(reactor_); }
  void Turns() {
    for (int i = 0; i < 20; ++i) reactor_.RunOnce(runtime::Duration::zero());
  }
  void Send(const std::string& bytes) {
    client_->TryWrite(bytes.data(), bytes.size());
    Turns();
  }
  std::string Received() {
    char bytes[64];
    const net::IoResult got = client_->TryRead(bytes, sizeof bytes);
    return got.state == net::IoState::kOk ? std::string(bytes, got.bytes) : "";
  }
  runtime::Task<void> Follow() {
    promised_ = co_await FollowPreamble(reactor_, *ours_, config::Preamble::kPostgres, first_);
  }
  runtime::Task<void> Look() { co_await ReadFirstBytes(reactor_, *ours_, first_); }
  runtime::Task<void> Read() { read_ = co_await ReadProxyHeader(*ours_, text_); }

  runtime::FakeClock clock_;
  runtime::Reactor reactor_{clock_};
  std::unique_ptr<net::MemoryStream> client_, ours_;
  FirstBytes first_;
  std::optional<bool> promised_;
  std::string text_;
  std::optional<detect::ProxyRead> read_;
  http::ConnectionInfo info_;
  runtime::Scope scope_{reactor_};
};

TEST_F(OpeningTest, PreambleInPiecesIsAnsweredAndEaten) {
  scope_.Spawn(Follow());
  for (const char byte : kGss) Send(std::string(1, byte));
  EXPECT_EQ(Received(), "N");
  EXPECT_FALSE(promised_.has_value());
  for (const char byte : kSsl) {
    EXPECT_FALSE(promised_.has_value());
    Send(std::string(1, byte));
  }
  EXPECT_EQ(Received(), "S");
  EXPECT_EQ(promised_, true);
  EXPECT_TRUE(first_.received.empty());
}

TEST_F(OpeningTest, WhatFollowsThePreambleIsKept) {
  scope_.Spawn(Follow());
  Send(kSsl + "\x16\x03\x01");
  EXPECT_EQ(promised_, true);
  EXPECT_EQ(first_.received.ToString(), "\x16\x03\x01");
}

TEST_F(OpeningTest, NoPreambleIsLeftAsItIs) {
  first_.received.AppendCopy("\x16\x03");  // behind a PROXY header
  scope_.Spawn(Follow());
  Turns();
  EXPECT_EQ(promised_, false);
  EXPECT_EQ(first_.received.ToString(), "\x16\x03");
  EXPECT_EQ(Received(), "");
}

TEST_F(OpeningTest, AClientThatEndsInThePreamble) {
  scope_.Spawn(Follow());
  Send(kSsl.substr(0, 5));
  client_->ShutdownWrite();
  Turns();
  EXPECT_EQ(promised_, false);
  EXPECT_EQ(first_.received.ToString(), kSsl.substr(0, 5));
}

TEST_F(OpeningTest, AHeaderNamesTheClient) {
  info_.peer = *base::Address::Parse("10.0.0.1:7");
  scope_.Spawn(Read());
  Send("PROXY TCP4 192.0.2.1 192.0.2.2 ");
  EXPECT_FALSE(read_.has_value());
  Send("11 22\r\nGET /");
  ASSERT_TRUE(read_.has_value());
  EXPECT_EQ(ApplyProxyHeader(config::ProxyHeaderSpec(), *read_, text_, info_), std::nullopt);
  EXPECT_EQ(text_, "GET /");
  EXPECT_EQ(info_.peer.ToString(), "192.0.2.1:11");
  EXPECT_EQ(info_.destination.ToString(), "192.0.2.2:22");
  EXPECT_EQ(info_.direct_peer->ToString(), "10.0.0.1:7");
}

TEST_F(OpeningTest, HeadersThatAreRefused) {
  const auto refused = [&](const std::string& bytes, config::ProxyHeaderSpec spec) {
    text_ = bytes;
    const auto failure = ApplyProxyHeader(spec, detect::ReadProxyHeader(bytes), text_, info_);
    return failure ? failure->detail : "";
  };
  EXPECT_EQ(refused("GET /", {}), "no PROXY header");
  EXPECT_EQ(refused("GET /", {.required = false}), "");
  EXPECT_EQ(refused("PROXY x\r\n", {.required = false}),
            "version 1: expected TCP4 or TCP6, two addresses and two ports");
  EXPECT_EQ(refused("PROXY UNKNOWN\r\n", {.version1 = false}), "version 1 is not allowed");
  EXPECT_EQ(info_.direct_peer, nullptr);
}

// Each byte pinned a block of 16 kB: 32 kB of an unfinished request line were half a gigabyte.
TEST_F(OpeningTest, FirstBytesOneByOneTakeLittleMemory) {
  scope_.Spawn(Look());
  Send("GET /");
  const size_t before = base::BufferPool::ForThisThread().bytes_in_use();
  for (int i = 0; i < 2000; ++i) Send("a");
  EXPECT_EQ(first_.received.size(), 2005u);
  EXPECT_LE(base::BufferPool::ForThisThread().bytes_in_use(), before + base::BufferPool::kRegular);
  Send(" HTTP/1.1\r\n");
  EXPECT_EQ(first_.verdict.protocol, detect::Protocol::kHttp1);
  EXPECT_TRUE(first_.received.ToString().ends_with("aa HTTP/1.1\r\n"));
}

}  // namespace
}  // namespace weft::app
