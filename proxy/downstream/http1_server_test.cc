#include "proxy/downstream/http1_server.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "proxy/http/reply.h"
#include "proxy/net/memory_stream.h"
#include "proxy/runtime/scope.h"

namespace weft::downstream {
namespace {

using runtime::Duration;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

// Answers 200 "yes", or never.
class Endpoint final : public http::Service {
 public:
  runtime::Task<base::Result<http::Response>> Call(http::Request, http::Context& context) override {
    ++calls;
    if (route_idle_timeout) context.set_stream_idle_timeout(*route_idle_timeout);
    generation = context.snapshot->generation;
    if (silent) co_await never_.Wait();
    http::Response response;
    response.head = std::make_unique<http::Response::PooledHead>();
    response.head->status = 200;
    response.head->framing = http::Framing::kLength;
    response.head->has_content_length = true;
    response.head->content_length = 3;
    response.body = http::MakeTextBody("yes");
    co_return std::move(response);
  }
  explicit Endpoint(runtime::Reactor& reactor) : never_(reactor) {}

  bool silent = false;
  std::optional<Duration> route_idle_timeout;
  int calls = 0;
  uint64_t generation = 0;

 private:
  runtime::Event never_;
};

class Observer final : public RequestObserver {
 public:
  void OnRequestDone(const http::RequestHead&, const http::ResponseHead*, http::Context&) override {}
  void OnMalformed(const base::Failure&, http::ConnectionInfo&) override {}
};

// The first chain of the listener, as long as there is one.
class Chains final : public ChainSelector {
 public:
  const config::FilterChain* Select(const config::Snapshot& snapshot) override {
    const config::Listener* listener = snapshot.FindListener("in");
    return listener == nullptr || listener->chains.empty() ? nullptr : listener->chains[0].get();
  }
};

class Http1ServerTest : public testing::Test {
 protected:
  Http1ServerTest() {
    std::tie(ours_, client_) = net::MemoryStream::Pair(reactor_);
    info_.listener = "in";
  }

  std::shared_ptr<const config::Listener> MakeListener(bool with_chain = true) {
    auto listener = std::make_shared<config::Listener>();
    listener->spec.name = "in";
    if (!with_chain) return listener;
    auto chain = std::make_shared<config::FilterChain>();
    chain->http.emplace();
    chain->http->spec = spec_;
    listener->chains.push_back(std::move(chain));
    return listener;
  }
  // Publishes the next Snapshot; null: without the listener. Returns a reference that does not hold it.
  std::weak_ptr<const config::Snapshot> Publish(std::shared_ptr<const config::Listener> listener) {
    auto snapshot = std::make_shared<config::Snapshot>();
    snapshot->generation = ++generation_;
    if (listener != nullptr) snapshot->listeners.emplace("in", std::move(listener));
    std::weak_ptr<const config::Snapshot> watched = snapshot;
    snapshots_.Swap(std::move(snapshot));
    return watched;
  }
  void Connect() { running_.Spawn(ServeHttp1(deps_, chains_, info_, *ours_, {})); }
  void Turn() {
    for (int i = 0; i < 3; ++i) reactor_.RunOnce(Duration::zero());
  }
  // In steps, so that timers that arm each other come in order.
  void Pass(Duration time) {
    constexpr Duration kStep = std::chrono::milliseconds(50);
    for (Duration passed{}; passed < time; passed += kStep) {
      clock_.Advance(kStep);
      reactor_.RunOnce(Duration::zero());
    }
    Turn();
  }
  void Send(std::string_view bytes) {
    ASSERT_EQ(client_->TryWrite(bytes.data(), bytes.size()).bytes, bytes.size());
    Turn();
  }
  // What has come back.
  std::string Received() {
    std::string all;
    char bytes[4096];
    for (;;) {
      const net::IoResult got = client_->TryRead(bytes, sizeof bytes);
      if (got.state != net::IoState::kOk) return all;
      all.append(bytes, got.bytes);
    }
  }

  runtime::FakeClock clock_;
  runtime::Reactor reactor_{clock_};
  config::HttpConnectionSpec spec_;
  config::WorkerSnapshots snapshots_{[](std::shared_ptr<const config::Snapshot>) {}};
  uint64_t generation_ = 0;
  Endpoint endpoint_{reactor_};
  Observer observer_;
  Chains chains_;
  http::ConnectionInfo info_;
  runtime::Cancellation draining_{reactor_}, revoked_{reactor_};
  ServerDeps deps_{reactor_, snapshots_, endpoint_, observer_, draining_, revoked_};
  std::unique_ptr<net::MemoryStream> ours_, client_;
  runtime::Scope running_{reactor_};
};

// Each generation stayed in memory as long as one client that had sent a request under it kept its connection.
TEST_F(Http1ServerTest, ASilentConnectionKeepsNoSnapshot) {
  const auto old = Publish(MakeListener());
  Connect();
  Send(kGet);
  EXPECT_TRUE(Received().starts_with("HTTP/1.1 200 "));
  Publish(MakeListener());
  EXPECT_FALSE(old.expired());
  Pass(std::chrono::seconds(2));
  EXPECT_TRUE(old.expired());
  EXPECT_FALSE(running_.empty());
  Send(kGet);
  EXPECT_TRUE(Received().starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(endpoint_.generation, 2u);
}

TEST_F(Http1ServerTest, NeitherDoesHalfAHead) {
  const auto old = Publish(MakeListener());
  Connect();
  Send(kGet.substr(0, 10));
  Publish(MakeListener());
  Pass(std::chrono::seconds(2));
  EXPECT_TRUE(old.expired());
  Send(kGet.substr(10));
  EXPECT_TRUE(Received().starts_with("HTTP/1.1 200 "));
}

TEST_F(Http1ServerTest, TheSameSnapshotServesAfterSilence) {
  Publish(MakeListener());
  Connect();
  for (int i = 1; i <= 3; ++i) {
    Pass(std::chrono::seconds(2));
    Send(kGet);
    EXPECT_FALSE(Received().empty());
    EXPECT_EQ(endpoint_.calls, i);
  }
}

TEST_F(Http1ServerTest, ASilentConnectionWithoutItsListenerIsServedOnceMore) {
  const auto old = Publish(MakeListener());
  Connect();
  Send(kGet);
  Received();
  Publish(nullptr);
  Pass(std::chrono::seconds(2));
  EXPECT_TRUE(old.expired());
  Send(kGet);
  const std::string last = Received();
  EXPECT_TRUE(last.starts_with("HTTP/1.1 200 ")) << last;
  EXPECT_NE(last.find("connection: close"), std::string::npos) << last;
  Pass(std::chrono::seconds(2));
  EXPECT_TRUE(running_.empty());
}

TEST_F(Http1ServerTest, ASilentConnectionThatItsListenerRefusesNowIsNotServed) {
  Publish(MakeListener());
  Connect();
  Send(kGet);
  Received();
  Pass(std::chrono::seconds(2));
  Publish(MakeListener(/*with_chain=*/false));
  Send(kGet);
  EXPECT_EQ(Received(), "");
  EXPECT_TRUE(running_.empty());
  EXPECT_EQ(endpoint_.calls, 1);
}

TEST_F(Http1ServerTest, IdleTimeIsThatOfTheWholeSilence) {
  spec_.idle_timeout = std::chrono::seconds(5);
  Publish(MakeListener());
  Connect();
  Pass(std::chrono::milliseconds(4900));
  EXPECT_FALSE(running_.empty());
  Pass(std::chrono::milliseconds(200));
  EXPECT_TRUE(running_.empty());
}

TEST_F(Http1ServerTest, ASlowHeadHasTheStreamsIdleTime) {
  spec_.stream_idle_timeout = std::chrono::seconds(3);
  Publish(MakeListener());
  Connect();
  for (int i = 0; i < 3; ++i) {
    Send(kGet.substr(static_cast<size_t>(i), 1));
    Pass(std::chrono::milliseconds(900));
  }
  EXPECT_EQ(Received(), "");
  Pass(std::chrono::milliseconds(500));
  EXPECT_TRUE(Received().starts_with("HTTP/1.1 408 "));
}

// The route's may be set where the connection manager has none.
TEST_F(Http1ServerTest, ARequestWithoutAnAnswerEndsWithTheIdleTimeOfItsRoute) {
  spec_.stream_idle_timeout = Duration::zero();
  endpoint_.silent = true;
  endpoint_.route_idle_timeout = std::chrono::seconds(2);
  Publish(MakeListener());
  Connect();
  Send(kGet);
  Pass(std::chrono::milliseconds(1900));
  EXPECT_EQ(Received(), "");
  Pass(std::chrono::milliseconds(300));
  EXPECT_TRUE(Received().starts_with("HTTP/1.1 504 "));
}

TEST_F(Http1ServerTest, TheRouteMayTakeTheIdleTimeAway) {
  spec_.stream_idle_timeout = std::chrono::seconds(2);
  endpoint_.silent = true;
  endpoint_.route_idle_timeout = Duration::zero();
  Publish(MakeListener());
  Connect();
  Send(kGet);
  Pass(std::chrono::seconds(10));
  EXPECT_EQ(Received(), "");
  EXPECT_FALSE(running_.empty());
}

}  // namespace
}  // namespace weft::downstream
