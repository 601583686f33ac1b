// HttpServer: a small HTTP/1.1 server for the proxy's own pages, apart from the data path: one coroutine per
// connection, bounded in number, in bytes and in time. What a client sends beyond that, or what is no HTTP, ends its
// connection and nothing else.
//
// Main thread. Owned by app/, which gives it its handler and closes it; owns its listening sockets and connections.
#ifndef WEFT_PROXY_ADMIN_HTTP_SERVER_H_
#define WEFT_PROXY_ADMIN_HTTP_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "proxy/accept/acceptor.h"
#include "proxy/base/address.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/http/message.h"
#include "proxy/net/byte_stream.h"
#include "proxy/runtime/reactor.h"
#include "proxy/runtime/scope.h"

namespace weft::admin {

struct Query {
  std::string_view method;
  std::string_view path;   // without the question mark and what follows
  std::string_view query;  // what follows, not decoded
};

struct Answer {
  int status = 200;
  std::string body;
  std::string_view content_type = "text/plain; charset=UTF-8";
  std::string_view allow;         // the methods that are allowed, with 405
  std::function<void()> finally;  // called when the answer has been written
};

class HttpServer final : private accept::Sink {
 public:
  static constexpr size_t kMaxConnections = 64;
  static constexpr size_t kMaxBody = 64 * 1024;                           // of a request; nobody needs one
  static constexpr runtime::Duration kIdle = std::chrono::seconds(30);    // between requests
  static constexpr runtime::Duration kRequest = std::chrono::seconds(5);  // from its first byte to its last
  static constexpr runtime::Duration kWrite = std::chrono::seconds(30);

  // Called once per request; must not wait. HEAD comes as GET.
  using Handler = std::function<Answer(const Query&)>;

  HttpServer(runtime::Reactor& reactor, Handler handler);
  ~HttpServer() override;

  // May be called for several addresses. Unavailable says which one could not be bound and why.
  absl::Status Listen(const base::Address& address);
  // Where it listens, in the order of Listen(): the port that was asked for, or the one that the kernel chose for 0.
  const std::vector<base::Address>& addresses() const { return addresses_; }
  // Connections end at once. Not from inside a handler.
  void Close();
  uint64_t turned_away() const { return turned_away_; }  // for want of room

 private:
  class Connection;

  void OnAccepted(const std::string& listener, accept::Accepted accepted) override;
  void OnOutOfResources(int error) override;
  static runtime::Task<void> Serve(HttpServer& server, std::unique_ptr<net::ByteStream> stream);

  runtime::Reactor& reactor_;
  const Handler handler_;
  std::vector<std::unique_ptr<accept::Acceptor>> acceptors_;
  std::vector<base::Address> addresses_;
  uint64_t turned_away_ = 0;
  base::List<Connection> waiting_;  // for a request, or the rest of one; the longest first
  runtime::Scope connections_;
};

}  // namespace weft::admin

#endif  // WEFT_PROXY_ADMIN_HTTP_SERVER_H_
