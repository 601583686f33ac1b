#include "proxy/admin/http_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "proxy/net/socket.h"

namespace weft::admin {
namespace {

// A blocking client whose server runs in the same thread: each wait turns the reactor.
class Client {
 public:
  Client(runtime::Reactor& reactor, const base::Address& to) : reactor_(reactor) {
    auto fd = net::StartConnect(to, {});
    EXPECT_TRUE(fd.ok());
    fd_ = std::move(*fd);
  }
  void Send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent > 0) text.remove_prefix(static_cast<size_t>(sent));
      if (sent < 0 && errno != EAGAIN && errno != ENOTCONN) return;
      reactor_.RunOnce(std::chrono::milliseconds(1));
    }
  }
  void HalfClose() { shutdown(fd_.get(), SHUT_WR); }
  // Reads until `enough` of what came is true, or the server closed.
  template <class Enough>
  const std::string& ReadUntil(Enough enough) {
    for (int turn = 0; turn < 20'000 && !ended_ && !enough(got_); ++turn) {
      char bytes[4096];
      const ssize_t size = recv(fd_.get(), bytes, sizeof bytes, 0);
      if (size > 0) got_.append(bytes, static_cast<size_t>(size));
      ended_ = size == 0 || (size < 0 && errno != EAGAIN);
      reactor_.RunOnce(std::chrono::milliseconds(1));
    }
    return got_;
  }
  const std::string& ReadAll() {
    return ReadUntil([](const std::string&) { return false; });
  }
  bool ended() const { return ended_; }

 private:
  runtime::Reactor& reactor_;
  net::Fd fd_;
  std::string got_;
  bool ended_ = false;
};

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() { EXPECT_TRUE(server_.Listen(*base::Address::FromIp("127.0.0.1", 0)).ok()); }
  const base::Address& address() const { return server_.addresses().front(); }

  runtime::Reactor reactor_;
  std::vector<std::string> asked_;
  int finished_ = 0;
  HttpServer server_{
      reactor_, [this](const Query& query) {
        asked_.push_back(std::string(query.method) + " " + std::string(query.path) + " " + std::string(query.query));
        Answer answer;
        answer.body = "hello";
        answer.finally = [this] { ++finished_; };
        return answer;
      }};
};

bool EndsWith(const std::string& text, std::string_view end) { return text.ends_with(end); }

TEST_F(HttpServerTest, AnswersOneAfterTheOtherOnOneConnection) {
  Client client(reactor_, address());
  client.Send("GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\nPOST /d HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
  client.ReadUntil([](const std::string& got) { return got.find("hello", got.find("hello") + 1) != got.npos; });
  EXPECT_EQ(asked_, (std::vector<std::string>{"GET /a b=c", "POST /d "}));
  EXPECT_FALSE(client.ended());
  EXPECT_EQ(finished_, 2);
}

TEST_F(HttpServerTest, HeadHasTheLengthAndNoContent) {
  Client client(reactor_, address());
  client.Send("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string& got = client.ReadAll();
  EXPECT_NE(got.find("content-length: 5"), got.npos) << got;
  EXPECT_TRUE(EndsWith(got, "\r\n\r\n")) << got;
  EXPECT_TRUE(client.ended());
}

TEST_F(HttpServerTest, Http10IsAnsweredAndClosed) {
  Client client(reactor_, address());
  client.Send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(EndsWith(client.ReadAll(), "hello"));
  EXPECT_TRUE(client.ended());
}

TEST_F(HttpServerTest, NonsenseIsRefusedAndTheNextIsServed) {
  for (const std::string& nonsense :
       {std::string("nonsense\r\n\r\n"), "GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\n\r\n",
        std::string("\x16\x03\x01\x02\x00", 5)}) {
    Client bad(reactor_, address());
    bad.Send(nonsense);
    bad.HalfClose();
    bad.ReadAll();
    EXPECT_TRUE(bad.ended());
  }
  EXPECT_TRUE(asked_.empty());
  Client good(reactor_, address());
  good.Send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(EndsWith(good.ReadAll(), "hello"));
}

// 64 silent connections kept /ready from Kubernetes' probe.
TEST_F(HttpServerTest, TheOldestSilentConnectionMakesRoom) {
  std::vector<std::unique_ptr<Client>> silent;
  for (size_t i = 0; i < HttpServer::kMaxConnections; ++i) {
    silent.push_back(std::make_unique<Client>(reactor_, address()));
    silent.back()->Send("G");
  }
  Client late(reactor_, address());
  late.Send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(EndsWith(late.ReadAll(), "hello"));
  EXPECT_EQ(server_.turned_away(), 0u);
  EXPECT_EQ(silent.front()->ReadAll(), "");
  EXPECT_TRUE(silent.front()->ended());
  silent.back()->Send("ET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(EndsWith(silent.back()->ReadAll(), "hello"));
}

// Some hundred pipelined /config_dump kept /ready waiting for seconds.
TEST_F(HttpServerTest, PipelinedRequestsLetOthersIn) {
  Client greedy(reactor_, address()), other(reactor_, address());
  std::string many;
  for (int i = 0; i < 100; ++i) many += "GET /many HTTP/1.1\r\nHost: x\r\n\r\n";
  reactor_.RunOnce(std::chrono::milliseconds(1));
  greedy.Send(many);
  other.Send("GET /one HTTP/1.1\r\nHost: x\r\n\r\n");
  other.ReadUntil([](const std::string& got) { return EndsWith(got, "hello"); });
  const auto one = std::find(asked_.begin(), asked_.end(), "GET /one ");
  ASSERT_NE(one, asked_.end());
  EXPECT_LT(one - asked_.begin(), 20);
  greedy.ReadUntil([&](const std::string&) { return asked_.size() == 101; });
  EXPECT_EQ(asked_.size(), 101u);
}

}  // namespace
}  // namespace weft::admin
