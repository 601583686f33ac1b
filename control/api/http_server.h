// A small HTTP/1.1 server for people, scripts and Prometheus: the JSON API and the metrics. Not for traffic: one thread
// for each connection (at most Limits::connections; one more ends the oldest that waits), whole bodies in memory.
// Messages are parsed by llhttp.
//
// Handler and gate are called on connection threads, many at once, and must not throw. Stop() and the destructor join
// them all.
#ifndef WEFT_CONTROL_API_HTTP_SERVER_H_
#define WEFT_CONTROL_API_HTTP_SERVER_H_

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace weft::control::api {

struct HttpRequest {
  std::string method;
  std::string path;                            // decoded
  std::map<std::string, std::string> query;    // decoded; the last of one name wins
  std::map<std::string, std::string> headers;  // names in lower case; several of one name joined by ", "
  std::string body;
  std::string peer;  // "ipv4:127.0.0.1:4711", as gRPC spells it

  std::string Query(const std::string& name) const;
  std::string Header(const std::string& name) const;
};

// Writes one chunk; false when the client has gone or the server stops.
using HttpWriter = std::function<bool(const std::string& chunk)>;

struct HttpResponse {
  int code = 200;
  std::string content_type = "application/json";
  std::string body;
  // Instead of `body`: writes until it returns. `stop` says when to.
  std::function<void(const HttpWriter& write, const std::function<bool()>& stop)> stream;
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;
// Sees a request before its body is read; what it returns is the answer, and the connection ends.
using HttpGate = std::function<std::optional<HttpResponse>(const HttpRequest& head)>;

class HttpServer {
 public:
  struct Limits {
    size_t connections = 128;
    size_t head_bytes = 32 << 10;
    size_t body_bytes = 16 << 20;
    absl::Duration idle = absl::Seconds(60);     // between requests
    absl::Duration request = absl::Seconds(30);  // from its first byte to its last
  };

  // `address` is HOST:PORT with an IP, "[::1]:0" too. Unavailable when it cannot be bound, InvalidArgument when it is
  // none.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& address, HttpHandler handler,
                                                           const Limits& limits, HttpGate gate = nullptr);
  ~HttpServer();

  const std::string& address() const { return address_; }  // as bound
  void Stop();

 private:
  struct Connection {
    int socket = -1;
    std::atomic<bool> waiting{true};  // for a request, or the rest of one
    bool ended = false;               // made to close, for want of room
    std::atomic<bool> done{false};
    std::thread thread;
  };

  HttpServer(HttpHandler handler, HttpGate gate, const Limits& limits, int listener, std::string address);
  void AcceptLoop();
  void Serve(Connection& connection, const std::string& peer);
  void Reap();  // with mutex_ held
  // True when there is room for one more: silent clients must not keep a health probe out, so the oldest that waits
  // makes room. With mutex_ held.
  bool MakeRoom();

  const HttpHandler handler_;
  const HttpGate gate_;  // may be empty
  const Limits limits_;
  const int listener_;
  const std::string address_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::list<Connection> connections_;  // guarded by mutex_
  std::thread accept_thread_;
};

}  // namespace weft::control::api

#endif  // WEFT_CONTROL_API_HTTP_SERVER_H_
