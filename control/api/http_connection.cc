#include "control/api/http_connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "llhttp.h"

namespace weft::control::api {
namespace {

constexpr absl::Duration kPollTurn = absl::Milliseconds(500);  // how late a stop may be noticed
constexpr absl::Duration kWriteTimeout = absl::Seconds(30);
constexpr absl::Duration kDrain = absl::Seconds(2);  // for what a refused client still sends

const char* ReasonOf(int code) { return llhttp_status_name(static_cast<llhttp_status_t>(code)); }

int Hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string Decoded(std::string_view text, bool plus_is_blank) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && Hex(text[i + 1]) >= 0 && Hex(text[i + 2]) >= 0) {
      out += static_cast<char>(Hex(text[i + 1]) * 16 + Hex(text[i + 2]));
      i += 2;
    } else {
      out += plus_is_blank && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

void SplitTarget(const std::string& target, HttpRequest& request) {
  const size_t question = target.find('?');
  request.path = Decoded(std::string_view(target).substr(0, question), false);
  if (question == std::string::npos) return;
  for (absl::string_view pair : absl::StrSplit(target.substr(question + 1), '&', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(pair, absl::MaxSplits('=', 1));
    request.query[Decoded(parts.first, true)] = Decoded(parts.second, true);
  }
}

}  // namespace

// llhttp's events gathered into one HttpRequest.
class HttpParser {
 public:
  HttpParser(const HttpServer::Limits& limits, const HttpGate& gate, const std::string& peer)
      : limits_(limits), gate_(gate), peer_(peer) {
    llhttp_settings_init(&settings_);
    settings_.on_url = [](llhttp_t* p, const char* at, size_t n) { return Of(p).AddHead(Of(p).target_, at, n); };
    settings_.on_header_field = [](llhttp_t* p, const char* at, size_t n) { return Of(p).AddHead(Of(p).name_, at, n); };
    settings_.on_header_value = [](llhttp_t* p, const char* at, size_t n) {
      return Of(p).AddHead(Of(p).value_, at, n);
    };
    settings_.on_header_value_complete = [](llhttp_t* p) { return Of(p).EndHeader(); };
    settings_.on_headers_complete = [](llhttp_t* p) { return Of(p).EndHead(); };
    settings_.on_body = [](llhttp_t* p, const char* at, size_t n) { return Of(p).AddBody(at, n); };
    settings_.on_message_complete = [](llhttp_t* p) {
      Of(p).complete_ = true;
      Of(p).keep_alive_ = llhttp_should_keep_alive(p) != 0;
      return static_cast<int>(HPE_PAUSED);
    };
    Reset();
  }

  void Reset() {
    llhttp_init(&parser_, HTTP_REQUEST, &settings_);
    parser_.data = this;
    request_ = HttpRequest();
    request_.peer = peer_;
    target_.clear();
    head_bytes_ = 0;
    head_over_ = complete_ = keep_alive_ = false;
    refusal_ = 0;
    denial_.reset();
  }

  // How many bytes were of this request. Look at complete() and refusal() afterwards.
  size_t Feed(const std::string& bytes) {
    const llhttp_errno_t error = llhttp_execute(&parser_, bytes.data(), bytes.size());
    if (error == HPE_OK) return bytes.size();
    if (complete_) {
      return static_cast<size_t>(llhttp_get_error_pos(&parser_) - bytes.data());
    }
    if (refusal_ == 0 && !denial_.has_value()) refusal_ = 400;
    return bytes.size();
  }

  bool complete() const { return complete_; }
  bool keep_alive() const { return keep_alive_; }
  // Only when the gate has let it in.
  bool wants_continue() const { return head_over_ && request_.Header("expect") == "100-continue"; }
  int refusal() const { return refusal_; }                               // the code to answer with; 0: none
  const std::optional<HttpResponse>& denial() const { return denial_; }  // the gate's
  bool over() const { return complete_ || refusal_ != 0 || denial_.has_value(); }
  HttpRequest& request() { return request_; }

 private:
  static HttpParser& Of(llhttp_t* parser) { return *static_cast<HttpParser*>(parser->data); }

  int AddHead(std::string& to, const char* at, size_t size) {
    head_bytes_ += size;
    if (head_bytes_ > limits_.head_bytes) return Refuse(431);
    to.append(at, size);
    return 0;
  }
  int EndHeader() {
    absl::AsciiStrToLower(&name_);
    std::string& value = request_.headers[name_];
    absl::StrAppend(&value, value.empty() ? "" : ", ", value_);
    name_.clear();
    value_.clear();
    return 0;
  }
  int EndHead() {
    SplitTarget(target_, request_);
    request_.method = llhttp_method_name(static_cast<llhttp_method_t>(parser_.method));
    head_over_ = true;
    if (gate_ != nullptr) denial_ = gate_(request_);
    return denial_.has_value() ? -1 : 0;
  }
  int AddBody(const char* at, size_t size) {
    if (request_.body.size() + size > limits_.body_bytes) return Refuse(413);
    request_.body.append(at, size);
    return 0;
  }
  int Refuse(int code) {
    refusal_ = code;
    return -1;
  }

  const HttpServer::Limits& limits_;
  const HttpGate& gate_;
  const std::string& peer_;
  std::optional<HttpResponse> denial_;
  llhttp_settings_t settings_;
  llhttp_t parser_;
  HttpRequest request_;
  std::string target_, name_, value_;
  size_t head_bytes_ = 0;
  bool head_over_ = false, complete_ = false, keep_alive_ = false;
  int refusal_ = 0;
};

std::string HttpRequest::Query(const std::string& name) const {
  const auto it = query.find(name);
  return it == query.end() ? "" : it->second;
}

std::string HttpRequest::Header(const std::string& name) const {
  const auto it = headers.find(name);
  return it == headers.end() ? "" : it->second;
}

HttpConnection::HttpConnection(int socket, std::string peer, const HttpHandler& handler, const HttpGate& gate,
                               const HttpServer::Limits& limits, const std::atomic<bool>& stopping,
                               std::atomic<bool>& waiting)
    : socket_(socket),
      peer_(std::move(peer)),
      handler_(handler),
      gate_(gate),
      limits_(limits),
      stopping_(stopping),
      waiting_(waiting) {}

void HttpConnection::Run() {
  HttpParser parser(limits_, gate_, peer_);
  while (!stopping_.load() && ServeOne(parser)) parser.Reset();
}

bool HttpConnection::ServeOne(HttpParser& parser) {
  waiting_.store(true);
  const bool read = ReadRequest(parser);
  waiting_.store(false);
  if (!read) return false;
  if (parser.refusal() != 0) {
    HttpResponse refused;
    refused.code = parser.refusal();
    refused.body = absl::StrFormat("{\"code\":\"invalid_argument\",\"message\":\"%s\"}", ReasonOf(refused.code));
    Deny(refused, parser.request().method == "HEAD");
    return false;
  }
  if (parser.denial().has_value()) {
    Deny(*parser.denial(), parser.request().method == "HEAD");
    return false;
  }
  const HttpResponse response = handler_(parser.request());
  if (response.stream != nullptr) {
    SendStream(response);
    return false;
  }
  const bool keep_alive = parser.keep_alive() && !stopping_.load();
  return Send(response, keep_alive, parser.request().method == "HEAD") && keep_alive;
}

bool HttpConnection::ReadRequest(HttpParser& parser) {
  absl::Time deadline = absl::Now() + limits_.idle;
  bool begun = false, continued = false;
  while (true) {
    if (!unread_.empty()) {
      // Once: a client that sends nothing but line ends, now and then, must not stay for ever.
      if (!std::exchange(begun, true)) deadline = absl::Now() + limits_.request;
      unread_.erase(0, parser.Feed(unread_));
      if (parser.over()) return true;
    }
    if (parser.wants_continue() && !continued) {
      continued = true;
      if (!Write("HTTP/1.1 100 Continue\r\n\r\n")) return false;
    }
    if (!ReadMore(deadline)) return false;
  }
}

bool HttpConnection::ReadMore(absl::Time deadline) {
  while (!stopping_.load()) {
    const absl::Duration left = std::min(deadline - absl::Now(), kPollTurn);
    if (left <= absl::ZeroDuration()) return false;
    pollfd waiting = {socket_, POLLIN, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    char buffer[16 << 10];
    const ssize_t size = recv(socket_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (size > 0) {
      unread_.append(buffer, static_cast<size_t>(size));
      return true;
    }
    if (size == 0 || (errno != EAGAIN && errno != EINTR)) return false;
  }
  return false;
}

bool HttpConnection::Write(const std::string& bytes) {
  const absl::Time deadline = absl::Now() + kWriteTimeout;
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t size = send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size > 0) {
      sent += static_cast<size_t>(size);
      continue;
    }
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno != EAGAIN) return false;
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration() || stopping_.load()) return false;
    pollfd waiting = {socket_, POLLOUT, 0};
    poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(std::min(left, kPollTurn))) + 1);
  }
  return true;
}

bool HttpConnection::Send(const HttpResponse& response, bool keep_alive, bool head) {
  std::string message = absl::StrFormat(
      "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nCache-Control: no-store\r\n"
      "X-Content-Type-Options: nosniff\r\n%s%s\r\n",
      response.code, ReasonOf(response.code), response.content_type, response.body.size(),
      response.code == 401 ? "WWW-Authenticate: Bearer\r\n" : "", keep_alive ? "" : "Connection: close\r\n");
  if (!head) message += response.body;
  return Write(message);
}

// A close with unread bytes in the socket would be a reset, which takes the answer with it.
void HttpConnection::Deny(const HttpResponse& response, bool head) {
  if (!Send(response, /*keep_alive=*/false, head)) return;
  shutdown(socket_, SHUT_WR);
  waiting_.store(true);  // whoever needs the room may end it
  const absl::Time deadline = absl::Now() + kDrain;
  do {
    unread_.clear();
  } while (ReadMore(deadline));
}

bool HttpConnection::SendStream(const HttpResponse& response) {
  if (!Write(absl::StrFormat("HTTP/1.1 %d %s\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n"
                             "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
                             response.code, ReasonOf(response.code), response.content_type))) {
    return false;
  }
  const auto gone = [this] {
    if (stopping_.load()) return true;
    char byte;
    const ssize_t size = recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR);
  };
  response.stream(
      [this](const std::string& chunk) { return Write(absl::StrFormat("%x\r\n%s\r\n", chunk.size(), chunk)); }, gone);
  return Write("0\r\n\r\n");
}

}  // namespace weft::control::api
