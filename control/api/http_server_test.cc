#include "control/api/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <latch>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace weft::control::api {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// No descriptor is free while it lives.
class Scarcity {
 public:
  Scarcity() {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    rlimit few = before_;
    few.rlim_cur = 64;
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int one = dup(0); one >= 0; one = dup(0)) taken_.push_back(one);
  }
  ~Scarcity() {
    for (const int one : taken_) close(one);
    setrlimit(RLIMIT_NOFILE, &before_);
  }
  Scarcity(const Scarcity&) = delete;

 private:
  rlimit before_ = {};
  std::vector<int> taken_;
};

absl::Duration CpuTime() {
  rusage used;
  EXPECT_EQ(getrusage(RUSAGE_SELF, &used), 0);
  return absl::DurationFromTimeval(used.ru_utime) + absl::DurationFromTimeval(used.ru_stime);
}

// A client's blocking socket.
class Client {
 public:
  Client() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  explicit Client(const std::string& address) : Client() { Connect(address); }
  void Connect(const std::string& address) {
    int port = 0;
    EXPECT_TRUE(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  ~Client() { close(socket_); }
  Client(const Client&) = delete;

  // False: the server has closed.
  bool Send(const std::string& bytes) {
    return send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  // Whether there is nothing to read for that long.
  bool IsSilent(absl::Duration time) {
    pollfd waiting = {socket_, POLLIN, 0};
    return poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(time))) == 0;
  }
  // Until `end` stands in it, or the server closes.
  std::string Read(const std::string& end = "") {
    std::string text;
    char buffer[4096];
    while (end.empty() || text.find(end) == std::string::npos) {
      const ssize_t size = recv(socket_, buffer, sizeof buffer, 0);
      if (size <= 0) break;
      text.append(buffer, static_cast<size_t>(size));
    }
    return text;
  }

 private:
  const int socket_;
};

class HttpServerTest : public ::testing::Test {
 protected:
  void Start(HttpServer::Limits limits = {}, HttpGate gate = nullptr) {
    auto server = HttpServer::Start(
        "127.0.0.1:0", [this](const HttpRequest& request) { return handler_(request); }, limits, std::move(gate));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  std::string Talk(const std::string& bytes) {
    Client client(server_->address());
    EXPECT_TRUE(client.Send(bytes));
    return client.Read();
  }

  HttpHandler handler_ = [](const HttpRequest& request) {
    HttpResponse response;
    response.body =
        absl::StrCat(request.method, " ", request.path, " q=", request.Query("q"), " body=", request.body, ".");
    return response;
  };
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrderOnOneConnection) {
  Start();
  const std::string text = Talk(
      "POST /a%20b?q=1%2B1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none"
      "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\ntwo\r\n0\r\n\r\n");
  const size_t first = text.find("POST /a b q=1+1 body=one."), second = text.find("POST /c q= body=two.");
  EXPECT_NE(first, std::string::npos) << text;
  EXPECT_NE(second, std::string::npos) << text;
  EXPECT_LT(first, second);
}

TEST_F(HttpServerTest, HeadHasNoBodyAndContinueIsSaidOnce) {
  Start();
  EXPECT_THAT(Talk("HEAD /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), ::testing::EndsWith("\r\n\r\n"));
  Client client(server_->address());
  ASSERT_TRUE(client.Send(
      "POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"));
  EXPECT_THAT(client.Read("\r\n\r\n"), StartsWith("HTTP/1.1 100 "));
  ASSERT_TRUE(client.Send("ok"));
  EXPECT_THAT(client.Read(), HasSubstr("body=ok."));
}

TEST_F(HttpServerTest, WhatIsTooLargeOrNoHttpIsRefusedAndTheConnectionCloses) {
  handler_ = [](const HttpRequest&) -> HttpResponse {
    ADD_FAILURE() << "the handler was called";
    return {};
  };
  Start({.head_bytes = 1000, .body_bytes = 10});
  EXPECT_THAT(Talk("GARBAGE\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Talk("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(2000, 'x') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(Talk("GET /" + std::string(2000, 'x') + " HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(Talk("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n12345678901"), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(Talk("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(Talk("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
}

// 16 MiB were read from whoever came, and then the token was looked at.
TEST_F(HttpServerTest, TheGateAnswersBeforeTheBodyIsRead) {
  handler_ = [](const HttpRequest&) -> HttpResponse {
    ADD_FAILURE() << "the handler was called";
    return {};
  };
  Start({}, [](const HttpRequest& head) -> std::optional<HttpResponse> {
    EXPECT_EQ(head.path, "/a b");
    EXPECT_EQ(head.method, "POST");
    EXPECT_THAT(head.peer, StartsWith("ipv4:127.0.0.1:"));
    EXPECT_TRUE(head.body.empty());
    if (head.Header("authorization") == "good") return std::nullopt;
    HttpResponse denied;
    denied.code = 401;
    return denied;
  });
  // None of the body is sent: the answer cannot have waited for it.
  const std::string head = "POST /a%20b?q=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 16000000\r\n";
  Client silent(server_->address());
  ASSERT_TRUE(silent.Send(head + "\r\n"));
  EXPECT_THAT(silent.Read("\r\n\r\n"), StartsWith("HTTP/1.1 401 "));
  // Its 100 does not come while the head is under way: the token may still follow, or not.
  Client asking(server_->address());
  ASSERT_TRUE(asking.Send(head + "Expect: 100-continue\r\nX-"));
  EXPECT_TRUE(asking.IsSilent(absl::Milliseconds(50)));
  ASSERT_TRUE(asking.Send("A: b\r\n\r\n"));
  EXPECT_THAT(asking.Read("\r\n\r\n"), StartsWith("HTTP/1.1 401 "));
  // Who has sent it all already still reads the answer, not a reset.
  Client sending(server_->address());
  ASSERT_TRUE(sending.Send(head + "\r\n" + std::string(1 << 20, 'x')));
  EXPECT_THAT(sending.Read("\r\n\r\n"), StartsWith("HTTP/1.1 401 "));
}

TEST_F(HttpServerTest, WhomTheGateLetsInIsServed) {
  Start({}, [](const HttpRequest&) { return std::optional<HttpResponse>(); });
  EXPECT_THAT(Talk("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\none"),
              HasSubstr("POST /a q= body=one."));
}

// 128 silent connections to the metrics port kept /healthz from its probe.
TEST_F(HttpServerTest, AboveTheLimitTheOldestSilentConnectionMakesRoom) {
  Start({.connections = 2});
  Client first(server_->address());
  ASSERT_TRUE(first.Send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(first.Read("/a q= body=."), StartsWith("HTTP/1.1 200 "));
  Client second(server_->address());
  ASSERT_TRUE(second.Send("GET /half"));
  Client third(server_->address());
  ASSERT_TRUE(third.Send("GET /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  EXPECT_THAT(third.Read(), HasSubstr("GET /c"));
  EXPECT_EQ(first.Read(), "");  // closed
  ASSERT_TRUE(second.Send(" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  EXPECT_THAT(second.Read(), HasSubstr("GET /half"));
}

TEST_F(HttpServerTest, AConnectionWhoseRequestIsHandledIsNotEnded) {
  std::latch begun(1), go_on(1);
  handler_ = [&](const HttpRequest&) {
    begun.count_down();
    go_on.wait();
    HttpResponse response;
    response.body = "done";
    return response;
  };
  Start({.connections = 1});
  Client first(server_->address());
  ASSERT_TRUE(first.Send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  begun.wait();
  Client second(server_->address());
  EXPECT_EQ(second.Read(), "");  // no room
  go_on.count_down();
  EXPECT_THAT(first.Read(), HasSubstr("done"));
}

// Each line end began the time for the request anew.
TEST_F(HttpServerTest, LineEndsDoNotKeepAConnectionOpen) {
  Start({.idle = absl::Seconds(60), .request = absl::Milliseconds(50)});
  Client client(server_->address());
  const absl::Time end = absl::Now() + absl::Seconds(30);
  while (client.Send("\r\n") && absl::Now() < end) {
  }
  EXPECT_LT(absl::Now(), end);
}

TEST_F(HttpServerTest, SlowRequestsAreCutOff) {
  Start({.idle = absl::Seconds(60), .request = absl::Milliseconds(50)});
  EXPECT_EQ(Talk("GET / HTTP/1.1\r\nHost: x\r\n"), "");
}

// The listener is readable all the time then: it was asked again and again, at full speed.
TEST_F(HttpServerTest, WithoutDescriptorsItWaitsAndServesWhenThereAreSomeAgain) {
  Start();
  Client client;
  {
    const Scarcity scarcity;
    client.Connect(server_->address());
    ASSERT_TRUE(client.Send("GET /late HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    const absl::Duration before = CpuTime();
    EXPECT_TRUE(client.IsSilent(absl::Milliseconds(500)));  // a duration that is measured
    EXPECT_LT(CpuTime() - before, absl::Milliseconds(50));
  }
  EXPECT_THAT(client.Read(), HasSubstr("GET /late"));
}

TEST_F(HttpServerTest, StopEndsStreamsAndIdleConnections) {
  std::latch streaming(1);
  handler_ = [&](const HttpRequest&) {
    HttpResponse response;
    response.stream = [&](const HttpWriter& write, const std::function<bool()>& stop) {
      EXPECT_TRUE(write("first\n"));
      streaming.count_down();
      while (!stop()) std::this_thread::yield();
    };
    return response;
  };
  Start();
  Client idle(server_->address()), watcher(server_->address());
  ASSERT_TRUE(watcher.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  streaming.wait();
  server_->Stop();
  EXPECT_THAT(watcher.Read(), HasSubstr("6\r\nfirst\n\r\n0\r\n\r\n"));
  EXPECT_EQ(idle.Read(), "");
}

TEST_F(HttpServerTest, AddressesThatCannotBeAreNamed) {
  const auto start = [](const std::string& address) {
    return HttpServer::Start(address, [](const HttpRequest&) { return HttpResponse(); }, {}).status();
  };
  EXPECT_EQ(start("localhost:80").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(start("127.0.0.1:65536").code(), absl::StatusCode::kInvalidArgument);
  Start();
  EXPECT_EQ(start(server_->address()).code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace weft::control::api
