// Plain HTTP/1.1 costs no heap allocation per request in steady state: client, the whole line of a worker as the
// process runs it, and an endpoint, over sockets.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "proxy/app/allocation_counter.h"
#include "proxy/app/data_path.h"
#include "proxy/app/recorder.h"
#include "proxy/net/socket.h"
#include "proxy/route/table.h"
#include "proxy/telemetry/log_writer.h"
#include "proxy/telemetry/metrics.h"

namespace weft::app {
namespace {

constexpr int kRequests = 1000;
constexpr std::string_view kEndOfHead = "\r\n\r\n";
constexpr std::string_view kEndOfContent = "\x04";  // the last byte of every content here

net::Fd ListenAnywhere() {
  auto listening = net::Listen(*base::Address::Parse("127.0.0.1:0"), {});
  if (!listening.ok()) ADD_FAILURE() << listening.failure().detail;
  return std::move(*listening);
}

// Answers every request with the same bytes. Its thread allocates nothing.
class Endpoint {
 public:
  explicit Endpoint(std::string answer) : answer_(std::move(answer)), listening_(ListenAnywhere()) {
    EXPECT_EQ(pipe(stop_.data()), 0);
    address_ = net::LocalAddress(listening_.get());
    thread_ = std::thread([this] { Run(); });
  }
  ~Endpoint() {
    close(stop_[1]);
    thread_.join();
    close(stop_[0]);
  }
  const base::Address& address() const { return address_; }
  int connections() const { return accepted_.load(); }

 private:
  static constexpr int kFixed = 2;  // the pipe and the listening socket

  void Run() {
    polled_[0] = {stop_[0], POLLIN, 0};
    polled_[1] = {listening_.get(), POLLIN, 0};
    open_ = kFixed;
    for (;;) {
      poll(polled_.data(), static_cast<nfds_t>(open_), -1);
      if (polled_[0].revents != 0) break;
      if (polled_[1].revents != 0 && open_ < static_cast<int>(polled_.size())) {
        polled_[static_cast<size_t>(open_++)] = {::accept(listening_.get(), nullptr, nullptr), POLLIN, 0};
        accepted_.fetch_add(1);
      }
      for (int i = kFixed; i < open_; ++i) {
        if (polled_[static_cast<size_t>(i)].revents != 0) Answer(polled_[static_cast<size_t>(i)].fd);
      }
    }
    for (int i = kFixed; i < open_; ++i) close(polled_[static_cast<size_t>(i)].fd);
  }
  // A request of this test fits into one segment.
  void Answer(int fd) {
    char bytes[8192];
    const ssize_t got = recv(fd, bytes, sizeof bytes, 0);
    if (got <= 0) {
      shutdown(fd, SHUT_RDWR);
      return;
    }
    const std::string_view request(bytes, static_cast<size_t>(got));
    const bool complete = request.starts_with("GET") ? request.ends_with(kEndOfHead) : request.ends_with(kEndOfContent);
    if (complete)
      EXPECT_EQ(send(fd, answer_.data(), answer_.size(), MSG_NOSIGNAL), static_cast<ssize_t>(answer_.size()));
  }

  const std::string answer_;
  net::Fd listening_;
  base::Address address_;
  std::array<int, 2> stop_{};
  std::array<pollfd, 32> polled_{};
  int open_ = 0;
  std::atomic<int> accepted_{0};
  std::thread thread_;
};

// One cluster of two endpoints, reached by a route that adds fields both ways and rewrites the path.
std::shared_ptr<const config::Snapshot> MakeSnapshot(const std::vector<base::Address>& endpoints) {
  auto snapshot = std::make_shared<config::Snapshot>();
  snapshot->generation = 1;
  auto cluster = std::make_shared<config::Cluster>();
  cluster->spec.name = "a cluster whose name is longer than a short string";
  cluster->state = std::make_shared<endpoint::ClusterState>(cluster->spec.name);
  for (const base::Address& address : endpoints) {
    config::Host host;
    host.state = std::make_shared<endpoint::EndpointState>(cluster->spec.name, address, "");
    host.service = "a service whose name is longer than a short string";
    cluster->hosts.push_back(std::move(host));
  }
  config::RouteTableSpec table;
  config::VirtualHostSpec& virtual_host = table.virtual_hosts.emplace_back();
  virtual_host.name = "service";
  virtual_host.domains = {"service.example", "*.service.example"};
  config::RouteSpec& route = virtual_host.routes.emplace_back();
  route.match.path = "/";
  route.request_headers.add = {{config::HeaderChangeSpec::Append::kOverwrite, "x-from", "%DOWNSTREAM_REMOTE_ADDRESS%"}};
  route.response_headers.add = {{config::HeaderChangeSpec::Append::kAppend, "x-protocol", "%PROTOCOL%"}};
  config::ForwardSpec forward;
  forward.clusters = {{cluster->spec.name, 1, {}, {}}};
  forward.prefix_rewrite = "/api/";
  route.action = std::move(forward);
  auto compiled = route::Table::Compile(table);
  EXPECT_TRUE(compiled.ok()) << compiled.status();

  auto chain = std::make_shared<config::FilterChain>();
  chain->name = "http";
  chain->http.emplace();
  chain->http->routes = *compiled;
  chain->http->spec.use_remote_address = true;
  auto listener = std::make_shared<config::Listener>();
  listener->spec.name = "http";
  listener->spec.direction = config::Direction::kOutbound;
  listener->chains.push_back(std::move(chain));
  snapshot->clusters[cluster->spec.name] = std::move(cluster);
  snapshot->listeners.emplace("http", std::move(listener));
  return snapshot;
}

// One worker on its thread, with metrics; its log and its access log are off, as they are by default.
class Proxy {
 public:
  explicit Proxy(std::shared_ptr<const config::Snapshot> snapshot)
      : recorder_(
            {worker_.reactor(), metrics_.AddWorker([](std::function<void()> work) { work(); }), log_writer_, {}}) {
    path_ = std::make_unique<DataPath>(
        DataPathDeps{worker_, [](std::shared_ptr<const config::Snapshot>) {}, recorder_, &peers_});
    peers_.push_back(path_.get());
    net::Fd listening = ListenAnywhere();
    address_ = net::LocalAddress(listening.get());
    path_->snapshots().Swap(std::move(snapshot));
    path_->AddSocket(address_.ToString(), "http", std::move(listening));
    worker_.Start([this] { path_.reset(); });
  }
  ~Proxy() { worker_.StopAndJoin(); }
  const base::Address& address() const { return address_; }
  std::string Metrics() const { return metrics_.Text(); }

 private:
  telemetry::Metrics metrics_;
  telemetry::LogWriter log_writer_;
  runtime::Worker worker_{0};
  Recorder recorder_;
  std::vector<DataPath*> peers_;
  std::unique_ptr<DataPath> path_;
  base::Address address_;
};

class Client {
 public:
  explicit Client(const base::Address& address) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    EXPECT_EQ(connect(fd_.get(), address.raw(), address.raw_size()), 0);
  }
  // Sends the request, reads until the answer ends with `end`. False: the proxy gave up.
  bool Exchange(std::string_view request, std::string_view end) {
    if (send(fd_.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
      return false;
    size_ = 0;
    while (!answer().ends_with(end)) {
      const ssize_t got = recv(fd_.get(), bytes_.data() + size_, bytes_.size() - size_, 0);
      if (got <= 0) return false;
      size_ += static_cast<size_t>(got);
    }
    return true;
  }
  std::string_view answer() const { return {bytes_.data(), size_}; }

 private:
  net::Fd fd_;
  std::array<char, 32 * 1024> bytes_{};
  size_t size_ = 0;
};

void ExpectNoAllocations(const std::string& request, const std::string& answer, std::string_view end) {
  if (!AllocationCounter::Works()) GTEST_SKIP() << "the sanitizer has its own malloc";
  Endpoint one(answer), two(answer);
  const Proxy proxy(MakeSnapshot({one.address(), two.address()}));
  Client client(proxy.address());
  for (int i = 0; i < kRequests; ++i) ASSERT_TRUE(client.Exchange(request, end)) << i << ": " << client.answer();
  ASSERT_TRUE(client.answer().starts_with("HTTP/1.1 200 ")) << client.answer();
  int failed = 0;
  AllocationCounter::Start();
  for (int i = 0; i < kRequests; ++i) failed += !client.Exchange(request, end);
  const uint64_t allocations = AllocationCounter::Stop();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(allocations, 0u) << "in " << kRequests << " requests; the first one:\n" << AllocationCounter::FirstStack();
  EXPECT_EQ(one.connections(), 1);  // everything was kept alive
  EXPECT_EQ(two.connections(), 1);
}

TEST(AllocationTest, TheCounterCounts) {
  if (!AllocationCounter::Works()) GTEST_SKIP() << "the sanitizer has its own malloc";
  static void* volatile kept;  // or the compiler leaves both out
  AllocationCounter::Start();
  kept = ::operator new(100);
  const uint64_t allocations = AllocationCounter::Stop();
  ::operator delete(kept);
  EXPECT_EQ(allocations, 1u);
  EXPECT_NE(AllocationCounter::FirstStack(), "");
}

TEST(AllocationTest, AGetWithItsContentAllocatesNothing) {
  const std::string content = std::string(1000, 'x') + std::string(kEndOfContent);
  ExpectNoAllocations(
      "GET /items/17?colour=red HTTP/1.1\r\nHost: Service.example\r\nUser-Agent: test\r\nAccept: */*\r\n"
      "Cookie: a=1\r\nCookie: b=2\r\nAuthorization: Bearer 0123456789abcdef0123456789abcdef\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(content.size()) +
          "\r\nCache-Control: no-store\r\n\r\n" + content,
      kEndOfContent);
}

TEST(AllocationTest, APostWithAChunkedAnswerAllocatesNothing) {
  const std::string content = std::string(500, 'y') + std::string(kEndOfContent);
  ExpectNoAllocations(
      "POST /items HTTP/1.1\r\nHost: a.service.example\r\nContent-Length: " + std::to_string(content.size()) +
          "\r\n\r\n" + content,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", "\r\n0\r\n\r\n");
}

}  // namespace
}  // namespace weft::app
