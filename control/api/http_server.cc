#include "control/api/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "control/api/http_connection.h"

namespace weft::control::api {
namespace {

constexpr int kScarceMilliseconds = 100;  // until it is tried again, when the kernel had no descriptor to give

struct Endpoint {
  sockaddr_storage storage = {};
  socklen_t size = 0;
};

absl::StatusOr<Endpoint> ParseEndpoint(const std::string& address) {
  const size_t colon = address.rfind(':');
  int port = -1;
  Endpoint endpoint;
  if (colon != std::string::npos && absl::SimpleAtoi(address.substr(colon + 1), &port) && port >= 0 && port <= 65535) {
    std::string host = address.substr(0, colon);
    auto* v4 = reinterpret_cast<sockaddr_in*>(&endpoint.storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&endpoint.storage);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
      host = host.substr(1, host.size() - 2);
      if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(static_cast<uint16_t>(port));
        endpoint.size = sizeof *v6;
      }
    } else if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
      v4->sin_family = AF_INET;
      v4->sin_port = htons(static_cast<uint16_t>(port));
      endpoint.size = sizeof *v4;
    }
  }
  if (endpoint.size != 0) return endpoint;
  return absl::InvalidArgumentError(absl::StrCat(address, ": is no IP:PORT; 127.0.0.1:8080 or [::1]:8080 is wanted"));
}

// HOST:PORT.
std::string TextOf(const sockaddr_storage& storage) {
  char host[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage);
    inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
    return absl::StrCat(host, ":", ntohs(v4->sin_port));
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
  inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
  return absl::StrCat("[", host, "]:", ntohs(v6->sin6_port));
}

absl::Status Unbound(const std::string& address) {
  return absl::UnavailableError(absl::StrCat(address, ": cannot be bound: ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& address, HttpHandler handler,
                                                              const Limits& limits, HttpGate gate) {
  absl::StatusOr<Endpoint> endpoint = ParseEndpoint(address);
  if (!endpoint.ok()) return endpoint.status();
  const int listener = socket(endpoint->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0) return Unbound(address);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  socklen_t size = sizeof endpoint->storage;
  if (bind(listener, reinterpret_cast<sockaddr*>(&endpoint->storage), endpoint->size) != 0 ||
      listen(listener, SOMAXCONN) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&endpoint->storage), &size) != 0) {
    absl::Status unbound = Unbound(address);
    close(listener);
    return unbound;
  }
  std::unique_ptr<HttpServer> server(
      new HttpServer(std::move(handler), std::move(gate), limits, listener, TextOf(endpoint->storage)));
  server->accept_thread_ = std::thread([raw = server.get()] { raw->AcceptLoop(); });
  return server;
}

HttpServer::HttpServer(HttpHandler handler, HttpGate gate, const Limits& limits, int listener, std::string address)
    : handler_(std::move(handler)),
      gate_(std::move(gate)),
      limits_(limits),
      listener_(listener),
      address_(std::move(address)) {}

HttpServer::~HttpServer() {
  Stop();
  close(listener_);
}

void HttpServer::Stop() {
  if (stopping_.exchange(true)) return;
  shutdown(listener_, SHUT_RDWR);
  accept_thread_.join();
  std::scoped_lock lock(mutex_);
  for (Connection& connection : connections_) {
    connection.thread.join();
    close(connection.socket);
  }
  connections_.clear();
}

void HttpServer::Reap() {
  for (auto it = connections_.begin(); it != connections_.end();) {
    if (!it->done.load()) {
      ++it;
      continue;
    }
    it->thread.join();
    close(it->socket);
    it = connections_.erase(it);
  }
}

bool HttpServer::MakeRoom() {
  if (connections_.size() < limits_.connections) return true;
  if (connections_.size() >= 2 * limits_.connections) return false;  // those that were ended are slow to go
  for (Connection& connection : connections_) {
    if (!connection.waiting.load() || connection.ended) continue;
    connection.ended = true;
    shutdown(connection.socket, SHUT_RDWR);
    return true;
  }
  return false;
}

void HttpServer::AcceptLoop() {
  while (!stopping_.load()) {
    pollfd waiting = {listener_, POLLIN, 0};
    poll(&waiting, 1, 1000);
    sockaddr_storage from = {};
    socklen_t size = sizeof from;
    const int socket = accept4(listener_, reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    const int error = errno;
    // The connection stays in the queue, so that the listener would be readable again at once, and again.
    if (socket < 0 && (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM)) {
      poll(nullptr, 0, kScarceMilliseconds);
    }
    std::scoped_lock lock(mutex_);
    Reap();
    if (socket < 0) continue;
    if (stopping_.load() || !MakeRoom()) {
      close(socket);
      continue;
    }
    const int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Connection& connection = connections_.emplace_back();
    connection.socket = socket;
    const std::string peer = absl::StrCat(from.ss_family == AF_INET ? "ipv4:" : "ipv6:", TextOf(from));
    connection.thread = std::thread([this, &connection, peer] { Serve(connection, peer); });
  }
}

void HttpServer::Serve(Connection& connection, const std::string& peer) {
  HttpConnection(connection.socket, peer, handler_, gate_, limits_, stopping_, connection.waiting).Run();
  shutdown(connection.socket, SHUT_RDWR);
  connection.done.store(true);
}

}  // namespace weft::control::api
