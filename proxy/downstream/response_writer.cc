#include "proxy/downstream/response_writer.h"

#include <optional>
#include <utility>

#include "proxy/codec/h1/writer.h"
#include "proxy/downstream/date.h"
#include "proxy/downstream/edge_headers.h"
#include "proxy/net/relay.h"

namespace weft::downstream {
namespace {

using base::Failure;
using base::FailureKind;
using base::Result;
using http::BodyPiece;
using http::Framing;
using http::Response;
using runtime::Duration;
using runtime::Outcome;
using runtime::Task;

constexpr size_t kWriteBatch = 64 * 1024;  // content collected for one write
constexpr size_t kTurnBytes = 256 * 1024;  // of content, before the other connections have their turn
constexpr size_t kMaxDrain = 256 * 1024;   // of a request's content after an early response
constexpr Duration kLinger = std::chrono::seconds(1);

// The bytes of one response on their way: what is collected for the next write, and whether more follows.
struct Outgoing {
  http::Body* body;
  bool chunked;
  base::ByteChain bytes;
  bool end;

  void Add(BodyPiece piece) {
    end = piece.end;
    if (!chunked) {
      bytes.Append(std::move(piece.data));
      return;
    }
    if (piece.data.size > 0) codec::h1::WriteChunk(std::move(piece.data), &bytes);
    if (end) codec::h1::WriteLastChunk(piece.trailers, &bytes);
  }

  // The head with the first piece of the content, when that is here.
  std::optional<Failure> Begin(const http::ResponseHead& head, codec::h1::HeadOptions& options,
                               http::Context& context) {
    std::optional<Result<BodyPiece>> first;
    if (!end) first = body->TryRead();
    const bool is_short = first && first->ok() && !chunked && (*first)->data.size <= codec::h1::kShortContent;
    if (is_short) options.content = (*first)->data.view();
    codec::h1::WriteResponseHead(head, options, &bytes);
    if (!first) return std::nullopt;
    if (!first->ok()) return std::move(first->failure());
    context.Moved();
    if (is_short) {
      end = (*first)->end;
    } else {
      Add(std::move(**first));
    }
    return std::nullopt;
  }

  // Collects what is there without waiting. A Failure: that of the content.
  std::optional<Failure> Collect(http::Context& context) {
    while (!end && bytes.size() < kWriteBatch) {
      std::optional<Result<BodyPiece>> piece = body->TryRead();
      if (!piece) break;
      if (!piece->ok()) return std::move(piece->failure());
      context.Moved();
      Add(std::move(**piece));
    }
    return std::nullopt;
  }

  // Writes what the socket takes now. False: the client is gone.
  bool TryWrite(net::ByteStream& client, http::Context& context) {
    struct iovec pieces[16];
    const net::IoResult put = client.TryWrite(pieces, bytes.FillIovecs(pieces, 16));
    if (put.state == net::IoState::kError) return false;
    if (put.state == net::IoState::kOk) {
      bytes.Consume(put.bytes);
      context.Moved();
    }
    return true;
  }
};

Failure Interrupted(Outcome outcome, const http::Context& context) {
  const bool late = outcome == Outcome::kDeadline || context.stalled.cancelled();
  return late ? Failure{FailureKind::kUpstreamTimeout, base::Origin::kUpstream, base::Phase::kBody, {}, ""}
              : Failure{FailureKind::kDownstreamClosed, base::Origin::kDownstream, base::Phase::kBody, {}, ""};
}

void Fail(http::Context& context, Failure failure) {
  context.failed = true;
  context.failure = std::move(failure);
}

// Sends what was collected, then the content as it comes, collecting what is there into one write. `broken`: how it
// failed already. False: cut.
Task<bool> SendContent(net::ByteStream& client, http::Context& context, Outgoing out, std::optional<Failure> broken) {
  runtime::TurnShare share(context.reactor, kTurnBytes);
  for (;;) {
    if (!broken) broken = out.Collect(context);
    if (!broken && out.bytes.empty() && !out.end) {  // what is there goes out before we wait
      auto ended = co_await runtime::Within(context.reactor, context.deadline, &context.client_gone, out.body->Read());
      if (ended.outcome != Outcome::kDone) {
        broken = Interrupted(ended.outcome, context);
      } else if (!ended.value->ok()) {
        broken = std::move(ended.value->failure());
      } else {
        context.Moved();
        out.Add(std::move(**ended.value));
        continue;
      }
    }
    if (broken) {
      // The client must not take what it got for the whole: the connection is cut (RFC 9112 section 8).
      Fail(context, std::move(*broken));
      if (!out.bytes.empty()) {
        co_await runtime::Within(context.reactor, runtime::kNever, &context.stalled,
                                 net::WriteAll(client, std::move(out.bytes)));
      }
      client.Reset();
      co_return false;
    }
    if (!out.bytes.empty()) {
      const size_t before = out.bytes.size();
      if (!out.TryWrite(client, context)) co_return false;
      if (out.bytes.empty() && !out.end && share.Spend(before)) co_await runtime::NextTurn(context.reactor);
    }
    if (!out.bytes.empty()) {
      auto ended = co_await runtime::Within(context.reactor, runtime::kNever, &context.stalled,
                                            net::WriteAll(client, std::move(out.bytes)));
      if (ended.outcome != Outcome::kDone || !*ended.value) {
        client.Reset();
        co_return false;
      }
      out.bytes = base::ByteChain();
      context.Moved();
    }
    if (out.end) co_return true;
  }
}

Task<bool> SendAndClose(net::ByteStream& client, http::Context& context, Outgoing out, std::optional<Failure> broken) {
  co_await SendContent(client, context, std::move(out), std::move(broken));
  co_return false;  // the connection does not go on
}

Task<void> ReadUntilEnd(net::ByteStream& stream) {
  size_t total = 0;
  while (total < kMaxDrain) {
    base::BufferRef scratch = base::BufferPool::ForThisThread().Take();
    const net::IoResult got = stream.TryRead(scratch.data(), scratch.capacity());
    scratch.Reset();
    if (got.state == net::IoState::kWouldBlock) {
      co_await stream.Readable();
    } else if (got.state == net::IoState::kOk) {
      total += got.bytes;
    } else {
      co_return;
    }
  }
}

// The framing that fits what is known of the content and what the client understands (RFC 9112 section 6.3).
codec::h1::HeadOptions OptionsFor(const http::RequestHead& request, const http::ResponseHead& head, bool close) {
  codec::h1::HeadOptions options;
  options.framing = head.framing;
  options.content_length = head.content_length;
  // A response without content says so, unless its status says it already (RFC 9110 section 8.6).
  options.write_content_length = head.has_content_length && head.status >= 200 && head.status != 204;
  if (head.framing == Framing::kChunked || head.framing == Framing::kUntilClose) {
    const bool chunks = request.version != http::Version::kHttp10;
    options.framing = chunks ? Framing::kChunked : Framing::kUntilClose;
    if (!chunks) close = true;
  }
  options.close = close;
  options.keep_alive_1_0 = !close && request.version == http::Version::kHttp10;
  return options;
}

}  // namespace

runtime::ReadyOr<bool> WriteResponse(net::ByteStream& client, const config::HttpConnectionSpec& spec,
                                     const http::RequestHead& request, http::Context& context, Response& response,
                                     bool close, base::ByteChain before) {
  http::ResponseHead& head = *response.head;
  ApplyResponseHeaders(spec, &head);
  if (!head.headers.Has("date")) head.headers.Add("date", HttpDate(context.reactor.clock().WallMicros() / 1'000'000));
  codec::h1::HeadOptions options = OptionsFor(request, head, close);
  http::Body* body = response.body.get();
  Outgoing out{body, options.framing == Framing::kChunked, std::move(before), body == nullptr};
  std::optional<Failure> broken = out.Begin(head, options, context);
  if (!broken) broken = out.Collect(context);
  // Most answers are here as a whole and fit into the socket: then nothing waits, and no frame is made.
  if (!broken && out.end) {
    if (!out.TryWrite(client, context)) return false;
    if (out.bytes.empty()) return !options.close;
  }
  if (options.close) return SendAndClose(client, context, std::move(out), std::move(broken));
  return SendContent(client, context, std::move(out), std::move(broken));
}

Task<void> RunTunnel(net::ByteStream& client, runtime::Cancellation& revoked, const http::RequestHead& request,
                     http::Context& context, Response& response, base::ByteChain before) {
  codec::h1::HeadOptions options;
  if (!request.is_connect()) options.upgrade = response.head->upgrade;
  http::Body* body = response.body.get();
  Outgoing out{body, /*chunked=*/false, std::move(before), body == nullptr};
  codec::h1::WriteResponseHead(*response.head, options, &out.bytes);
  const auto ended = co_await runtime::Within(context.reactor, runtime::kNever, &revoked,
                                              SendContent(client, context, std::move(out), std::nullopt));
  if (ended.outcome != Outcome::kDone) {
    client.Reset();
  } else if (*ended.value) {
    client.ShutdownWrite();
  }
}

Task<bool> DrainRequest(runtime::Reactor& reactor, RequestBody& body) {
  size_t drained = 0;
  const runtime::TimePoint deadline = reactor.now() + kLinger;
  while (!body.ended()) {
    auto ended = co_await runtime::Within(reactor, deadline, nullptr, body.Read());
    if (ended.outcome != Outcome::kDone || !ended.value->ok()) co_return false;
    drained += (*ended.value)->data.size;
    if (drained > kMaxDrain) co_return false;
  }
  co_return true;
}

Task<void> Linger(runtime::Reactor& reactor, net::ByteStream& client) {
  client.ShutdownWrite();
  co_await runtime::Within(reactor, reactor.now() + kLinger, nullptr, ReadUntilEnd(client));
}

}  // namespace weft::downstream
