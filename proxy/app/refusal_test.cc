#include "proxy/app/refusal.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "proxy/net/memory_stream.h"
#include "proxy/runtime/scope.h"

namespace weft::app {
namespace {

using base::FailureKind;
using config::Direction;

FailureKind KindOf(Direction direction, const std::string& destination, bool others_pass) {
  auto chain = std::make_shared<config::FilterChain>();
  chain->match.destination_prefixes = {*base::Cidr::Make("10.0.0.1", 32)};
  auto listener = std::make_shared<config::Listener>();
  listener->spec.direction = direction;
  listener->chains.push_back(chain);
  if (others_pass) listener->default_chain = std::make_shared<config::FilterChain>();
  config::Snapshot snapshot;
  snapshot.listeners.emplace("one", listener);
  http::ConnectionInfo info;
  info.listener = "one";
  info.destination = *base::Address::Parse(destination);
  return NoChain(snapshot, info, detect::Verdict(), "does not take").kind;
}

// Under REGISTRY_ONLY a destination that nobody owns was told as a chain that is missing.
TEST(NoChain, KnowsAnUnknownDestination) {
  EXPECT_EQ(KindOf(Direction::kOutbound, "10.0.0.2:80", false), FailureKind::kUnknownDestination);
  EXPECT_EQ(KindOf(Direction::kOutbound, "10.0.0.1:80", false), FailureKind::kNoFilterChain) << "of other bytes";
  EXPECT_EQ(KindOf(Direction::kOutbound, "10.0.0.2:80", true), FailureKind::kNoFilterChain);
  EXPECT_EQ(KindOf(Direction::kInbound, "10.0.0.2:80", false), FailureKind::kNoFilterChain);
}

class AnswerRefusedTest : public testing::Test {
 protected:
  net::IoState What(const std::string& bytes, std::string* answer) {
    auto [client, ours] = net::MemoryStream::Pair(reactor_);
    runtime::Scope scope(reactor_);
    scope.Spawn(AnswerRefused(reactor_, *ours, failure_));
    if (!bytes.empty()) client->TryWrite(bytes.data(), bytes.size());
    for (int i = 0; i < 20; ++i) reactor_.RunOnce(runtime::Duration::zero());
    clock_.Advance(std::chrono::seconds(2));
    for (int i = 0; i < 20; ++i) reactor_.RunOnce(runtime::Duration::zero());
    char text[512];
    const net::IoResult got = client->TryRead(text, sizeof text);
    if (got.state == net::IoState::kOk) answer->assign(text, got.bytes);
    return got.state;
  }

  const base::Failure failure_ = Refusal(FailureKind::kNoConfig, "none came");
  runtime::FakeClock clock_;
  runtime::Reactor reactor_{clock_};
};

TEST_F(AnswerRefusedTest, HttpGetsAnAnswerAndTheRestAReset) {
  std::string answer;
  EXPECT_EQ(What("GET / HTTP/1.1\r\nhost: a\r\n\r\n", &answer), net::IoState::kOk);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_EQ(What("\x01\x02", &answer), net::IoState::kError);
  EXPECT_EQ(What("", &answer), net::IoState::kError) << "silence";
}

}  // namespace
}  // namespace weft::app
