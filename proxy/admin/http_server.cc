#include "proxy/admin/http_server.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "proxy/codec/h1/feed.h"
#include "proxy/codec/h1/parser.h"
#include "proxy/codec/h1/writer.h"
#include "proxy/net/relay.h"
#include "proxy/net/socket.h"
#include "proxy/net/socket_stream.h"
#include "proxy/runtime/wait.h"
#include "proxy/telemetry/log.h"

namespace weft::admin {
namespace {

using codec::h1::Event;
using codec::h1::Fed;
using runtime::Outcome;
using runtime::Task;

// A scraper's head is some hundred bytes.
constexpr codec::h1::Limits kLimits{16 * 1024, 64};

Task<void> WaitReadable(net::ByteStream& stream) { co_await stream.Readable(); }

Task<void> ReadUntilEnd(net::ByteStream& stream) {
  char scratch[4096];
  for (size_t total = 0; total < HttpServer::kMaxBody;) {
    const net::IoResult got = stream.TryRead(scratch, sizeof scratch);
    if (got.state == net::IoState::kWouldBlock) {
      co_await stream.Readable();
    } else if (got.state == net::IoState::kOk) {
      total += got.bytes;
    } else {
      co_return;
    }
  }
}

Answer BadRequest(const base::Failure& failure) {
  Answer answer;
  answer.status = 400;
  answer.body = absl::StrCat(failure.detail, "\n");
  return answer;
}

}  // namespace

class HttpServer::Connection : public base::ListNode {
 public:
  Connection(HttpServer& server, net::ByteStream& stream)
      : server_(server),
        reactor_(server.reactor_),
        stream_(stream),
        parser_(kLimits),
        feed_(stream, parser_),
        room_wanted_(reactor_) {}

  // Closes without a word; only while it is in waiting_.
  void MakeRoom() { room_wanted_.Cancel(); }

  Task<void> Serve() {
    // One page, and then the others have their turn: pipelined dumps must not keep a probe waiting.
    while (co_await ServeOne()) co_await runtime::NextTurn(reactor_);
    if (room_wanted_.cancelled()) co_return;
    // Closing while the client still sends could destroy the answer on its way.
    stream_.ShutdownWrite();
    co_await runtime::Within(reactor_, reactor_.now() + std::chrono::seconds(1), nullptr, ReadUntilEnd(stream_));
  }

 private:
  Task<bool> ServeOne() {
    http::RequestHead request;
    parser_.Begin(&request);
    failed_ = base::Failure{};
    server_.waiting_.PushBack(this);
    const Read read = co_await ReadRequest();
    Unlink();
    if (read == Read::kEnded) co_return false;
    if (read == Read::kMalformed) {
      co_await Write(BadRequest(failed_), /*head_only=*/false, /*close=*/true);
      co_return false;
    }
    const bool head_only = request.is_head();
    Answer answer = server_.handler_(
        {head_only ? std::string_view("GET") : request.method, request.path_without_query(), request.query()});
    const bool close = !request.keep_alive || request.version == http::Version::kHttp10;
    const auto finally = std::move(answer.finally);
    const bool written = co_await Write(std::move(answer), head_only, close);
    if (finally) finally();
    co_return written && !close;
  }

  enum class Read : uint8_t { kDone, kEnded, kMalformed };

  // The whole request; its content is thrown away.
  Task<Read> ReadRequest() {
    runtime::TimePoint deadline = reactor_.now() + kIdle;
    bool begun = false;
    size_t content = 0;
    for (;;) {
      std::optional<base::Result<Fed>> fed = feed_.TryNext();
      if (!fed) {
        if (!begun && parser_.begun()) {
          begun = true;
          deadline = reactor_.now() + kRequest;
        }
        const auto ended = co_await runtime::Within(reactor_, deadline, &room_wanted_, WaitReadable(stream_));
        if (ended.outcome != Outcome::kDone) co_return Read::kEnded;
        continue;
      }
      if (!fed->ok()) {
        failed_ = std::move(fed->failure());
        co_return failed_.kind == base::FailureKind::kIoError ? Read::kEnded : Read::kMalformed;
      }
      const Fed& got = **fed;
      content += got.body.size;
      if (content > kMaxBody) co_return Read::kEnded;
      if (got.event == Event::kNeedMore) co_return Read::kEnded;
      if (parser_.complete()) co_return Read::kDone;
    }
  }

  Task<bool> Write(Answer answer, bool head_only, bool close) {
    http::ResponseHead head;
    head.status = answer.status;
    head.headers.Add("content-type", answer.content_type);
    head.headers.Add("cache-control", "no-cache, max-age=0");
    head.headers.Add("x-content-type-options", "nosniff");
    if (!answer.allow.empty()) head.headers.Add("allow", answer.allow);
    codec::h1::HeadOptions options;
    options.framing = answer.body.empty() ? http::Framing::kNone : http::Framing::kLength;
    options.content_length = answer.body.size();
    options.write_content_length = true;
    options.close = close;
    base::ByteChain out;
    codec::h1::WriteResponseHead(head, options, &out);
    if (!head_only && !answer.body.empty()) out.Append(base::Slice{{}, answer.body.data(), answer.body.size()});
    const auto ended =
        co_await runtime::Within(reactor_, reactor_.now() + kWrite, nullptr, net::WriteAll(stream_, std::move(out)));
    co_return ended.outcome == Outcome::kDone && *ended.value;
  }

  HttpServer& server_;
  runtime::Reactor& reactor_;
  net::ByteStream& stream_;
  codec::h1::RequestParser parser_;
  codec::h1::Feed feed_;
  runtime::Cancellation room_wanted_;
  base::Failure failed_;
};

HttpServer::HttpServer(runtime::Reactor& reactor, Handler handler)
    : reactor_(reactor), handler_(std::move(handler)), connections_(reactor) {}

HttpServer::~HttpServer() { Close(); }

absl::Status HttpServer::Listen(const base::Address& address) {
  net::ListenOptions options;
  options.reuse_port = false;  // a second proxy must not share the port without a word
  options.backlog = 128;
  auto socket = net::Listen(address, options);
  if (!socket.ok()) return absl::UnavailableError(socket.failure().detail);
  addresses_.push_back(net::LocalAddress(socket->get()));
  acceptors_.push_back(
      std::make_unique<accept::Acceptor>(reactor_, std::move(*socket), "admin", static_cast<accept::Sink&>(*this)));
  acceptors_.back()->Start();
  return absl::OkStatus();
}

void HttpServer::Close() {
  acceptors_.clear();
  connections_.Cancel();
}

void HttpServer::OnAccepted(const std::string&, accept::Accepted accepted) {
  if (connections_.size() >= kMaxConnections) {
    // Silent clients must not keep a probe out: the one that has waited longest makes room.
    Connection* const oldest = connections_.size() < 2 * kMaxConnections ? waiting_.PopFront() : nullptr;
    if (oldest == nullptr) {
      ++turned_away_;
      return;
    }
    oldest->MakeRoom();
  }
  auto stream = net::SocketStream::Adopt(reactor_, std::move(accepted.fd), accepted.peer);
  if (!stream.ok()) return OnOutOfResources(ENOMEM);
  connections_.Spawn(Serve(*this, std::move(*stream)));
}

void HttpServer::OnOutOfResources(int) {
  telemetry::Log(telemetry::Component::kAdmin, telemetry::LogLevel::kWarning,
                 "no descriptors or memory left to accept an admin connection");
}

Task<void> HttpServer::Serve(HttpServer& server, std::unique_ptr<net::ByteStream> stream) {
  Connection connection(server, *stream);
  co_await connection.Serve();
}

}  // namespace weft::admin
