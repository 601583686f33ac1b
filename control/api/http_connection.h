// One connection of HttpServer: reads requests, writes responses. Used by the connection's own thread. INTERNAL to
// control/api.
#ifndef WEFT_CONTROL_API_HTTP_CONNECTION_H_
#define WEFT_CONTROL_API_HTTP_CONNECTION_H_

#include <atomic>
#include <optional>
#include <string>

#include "control/api/http_server.h"

namespace weft::control::api {

class HttpParser;

class HttpConnection {
 public:
  // Borrows everything; `socket` blocks never (poll with a timeout comes first). `waiting` is false while a request is
  // handled.
  HttpConnection(int socket, std::string peer, const HttpHandler& handler, const HttpGate& gate,
                 const HttpServer::Limits& limits, const std::atomic<bool>& stopping, std::atomic<bool>& waiting);

  // Until the client closes, a limit is hit, or the server stops.
  void Run();

 private:
  // False: the connection is over.
  bool ServeOne(HttpParser& parser);
  bool ReadRequest(HttpParser& parser);
  // Some bytes, or false at the end, at a timeout and at a stop.
  bool ReadMore(absl::Time deadline);
  bool Write(const std::string& bytes);
  bool Send(const HttpResponse& response, bool keep_alive, bool head);
  // Answers, and ends the connection such that a client in the middle of its body can still read the answer.
  void Deny(const HttpResponse& response, bool head);
  bool SendStream(const HttpResponse& response);

  const int socket_;
  const std::string peer_;
  const HttpHandler& handler_;
  const HttpGate& gate_;
  const HttpServer::Limits& limits_;
  const std::atomic<bool>& stopping_;
  std::atomic<bool>& waiting_;
  std::string unread_;  // came with an earlier request
};

}  // namespace weft::control::api

#endif  // WEFT_CONTROL_API_HTTP_CONNECTION_H_
