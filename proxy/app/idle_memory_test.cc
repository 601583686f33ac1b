// What an idle connection costs in heap memory, over a whole worker as the process runs it: it fails when a frame or an
// object of idle connections grows above its budget, and when their memory does not come back.
#include <gtest/gtest.h>
#include <malloc.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/app/data_path.h"
#include "proxy/app/recorder.h"
#include "proxy/net/socket.h"
#include "proxy/route/table.h"
#include "proxy/runtime/clock.h"
#include "proxy/runtime/frame_pool.h"
#include "proxy/telemetry/log_writer.h"
#include "proxy/telemetry/metrics.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define WEFT_OTHER_MALLOC 1
#endif
#endif

namespace weft::app {
namespace {

constexpr int kConnections = 200;
constexpr size_t kHttpBudget = 2700;
constexpr size_t kOpaqueBudget = 4600;  // both sides of a pair
constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: service.example\r\n\r\n";
constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::chrono::seconds kPatience(20);

net::Fd ListenAnywhere() {
  auto listening = net::Listen(*base::Address::Parse("127.0.0.1:0"), {});
  if (!listening.ok()) ADD_FAILURE() << listening.failure().detail;
  return std::move(*listening);
}

size_t HeapBytes() {
  const struct mallinfo2 now = mallinfo2();
  return now.uordblks + now.hblkhd;
}

// False: not within kPatience.
bool Until(const std::function<bool()>& condition) {
  const auto end = runtime::SystemClock().Monotonic() + kPatience;
  while (!condition()) {
    if (runtime::SystemClock().Monotonic() > end) return false;
    poll(nullptr, 0, 20);
  }
  return true;
}

bool ReadUntil(int fd, std::string_view end) {
  std::string text;
  char bytes[4096];
  while (!text.ends_with(end)) {
    const ssize_t got = recv(fd, bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    text.append(bytes, static_cast<size_t>(got));
  }
  return true;
}

net::Fd Accept(int listening) {
  pollfd waits{listening, POLLIN, 0};
  poll(&waits, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count()));
  return net::Fd(accept4(listening, nullptr, nullptr, SOCK_CLOEXEC));
}

bool Send(int fd, std::string_view text) {
  return send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

class IdleMemoryTest : public testing::Test {
 protected:
  void SetUp() override {
#ifdef WEFT_OTHER_MALLOC
    GTEST_SKIP() << "the sanitizer has its own malloc";
#endif
  }
  void TearDown() override {
    if (path_ != nullptr) worker_.StopAndJoin();
  }

  // One listener, one chain that `fill` completes, one cluster whose endpoint is endpoint_.
  void Start(const std::function<void(config::FilterChain& chain, const std::string& cluster)>& fill) {
    auto snapshot = std::make_shared<config::Snapshot>();
    snapshot->generation = 1;
    auto cluster = std::make_shared<config::Cluster>();
    cluster->spec.name = "endpoint";
    cluster->state = std::make_shared<endpoint::ClusterState>(cluster->spec.name);
    state_ = std::make_shared<endpoint::EndpointState>(cluster->spec.name, net::LocalAddress(endpoint_.get()), "");
    cluster->hosts.emplace_back().state = state_;
    auto chain = std::make_shared<config::FilterChain>();
    chain->name = "only";
    fill(*chain, cluster->spec.name);
    auto listener = std::make_shared<config::Listener>();
    listener->spec.name = "entry";
    listener->chains.push_back(std::move(chain));
    snapshot->clusters[cluster->spec.name] = std::move(cluster);
    snapshot->listeners.emplace("entry", std::move(listener));

    recorder_ = std::make_unique<Recorder>(RecorderDeps{
        worker_.reactor(), metrics_.AddWorker([](std::function<void()> work) { work(); }), log_writer_, {}});
    path_ = std::make_unique<DataPath>(
        DataPathDeps{worker_, [](std::shared_ptr<const config::Snapshot>) {}, *recorder_, &peers_});
    peers_.push_back(path_.get());
    net::Fd listening = ListenAnywhere();
    address_ = net::LocalAddress(listening.get());
    path_->snapshots().Swap(std::move(snapshot));
    path_->AddSocket(address_.ToString(), "entry", std::move(listening));
    worker_.Start([this] { path_.reset(); });
  }
  net::Fd Connect() {
    net::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(fd.get(), address_.raw(), address_.raw_size()), 0);
    return fd;
  }
  // Opens kConnections one after another with `open`, each idle afterwards, and closes them.
  void ExpectWithin(size_t budget, const std::function<bool(int fd, int count)>& open) {
    {
      const net::Fd warm = Connect();
      ASSERT_TRUE(open(warm.get(), 1));
    }
    upstreams_.clear();
    ASSERT_TRUE(Until([&] { return path_->connections() == 0; }));
    std::vector<net::Fd> clients;
    clients.reserve(kConnections);
    const size_t before = HeapBytes();
    for (int i = 0; i < kConnections; ++i) {
      clients.push_back(Connect());
      ASSERT_TRUE(open(clients.back().get(), i + 1)) << i;
    }
    const auto each = [&] {
      const size_t now = HeapBytes();
      return now <= before ? 0 : (now - before) / kConnections;
    };
    EXPECT_TRUE(Until([&] { return each() <= budget; })) << each() << " bytes each, the budget is " << budget;
    std::cout << each() << " bytes each\n";
    EXPECT_GT(each(), budget / 3) << "the budget is too large to say anything";
    clients.clear();
    upstreams_.clear();
    ASSERT_TRUE(Until([&] { return path_->connections() == 0; }));
    worker_.mailbox().Post([] { runtime::TrimFrames(); });  // as the process does now and then
    EXPECT_TRUE(Until([&] { return each() <= budget / 10; })) << each() << " bytes of each are left";
  }

  net::Fd endpoint_ = ListenAnywhere();
  std::vector<net::Fd> upstreams_;  // the endpoint's side of opaque pairs
  endpoint::EndpointPtr state_;
  telemetry::Metrics metrics_;
  telemetry::LogWriter log_writer_;
  runtime::Worker worker_{0};
  std::unique_ptr<Recorder> recorder_;
  std::vector<DataPath*> peers_;
  std::unique_ptr<DataPath> path_;
  base::Address address_;
};

TEST_F(IdleMemoryTest, AnHttpConnectionBetweenRequests) {
  Start([](config::FilterChain& chain, const std::string& cluster) {
    config::RouteTableSpec table;
    config::VirtualHostSpec& everything = table.virtual_hosts.emplace_back();
    everything.name = "everything";
    everything.domains = {"*"};
    config::RouteSpec& route = everything.routes.emplace_back();
    route.match.path = "/";
    config::ForwardSpec forward;
    forward.clusters = {{cluster, 1, {}, {}}};
    route.action = std::move(forward);
    auto compiled = route::Table::Compile(table);
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    chain.http.emplace();
    chain.http->routes = *compiled;
  });
  net::Fd upstream;  // the pool keeps it: one for all
  ExpectWithin(kHttpBudget, [&](int client, int) {
    if (!Send(client, kRequest)) return false;
    if (!upstream.valid()) upstream = Accept(endpoint_.get());
    return ReadUntil(upstream.get(), "\r\n\r\n") && Send(upstream.get(), kAnswer) && ReadUntil(client, "ok");
  });
}

TEST_F(IdleMemoryTest, AnOpaquePairAfterItsFirstBytes) {
  Start([](config::FilterChain& chain, const std::string& cluster) {
    chain.tcp.emplace();
    chain.tcp->spec.clusters = {{cluster, 1}};
  });
  upstreams_.reserve(kConnections);
  ExpectWithin(kOpaqueBudget, [&](int client, int) {
    if (!Send(client, "ping")) return false;
    upstreams_.push_back(Accept(endpoint_.get()));
    return ReadUntil(upstreams_.back().get(), "ping") && Send(upstreams_.back().get(), "pong") &&
           ReadUntil(client, "pong");
  });
}

}  // namespace
}  // namespace weft::app
