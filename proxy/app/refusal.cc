#include "proxy/app/refusal.h"

#include <chrono>
#include <utility>

#include "proxy/app/first_bytes.h"
#include "proxy/codec/h1/writer.h"
#include "proxy/http/reply.h"
#include "proxy/net/relay.h"
#include "proxy/runtime/wait.h"

namespace weft::app {

using base::Failure;
using base::FailureKind;

namespace {

constexpr runtime::Duration kRefusalWait = std::chrono::seconds(1);

// Under REGISTRY_ONLY an outbound listener has the services' chains and no other.
bool NobodyOwns(const config::Snapshot& snapshot, const http::ConnectionInfo& info) {
  const config::Listener* listener = snapshot.FindListener(info.listener);
  return listener != nullptr && listener->spec.direction == config::Direction::kOutbound &&
         listener->default_chain == nullptr && listener->chains.For(info.destination).empty();
}

runtime::Task<void> Answer(runtime::Reactor& reactor, net::ByteStream& client, const Failure& failure) {
  FirstBytes first;
  co_await ReadFirstBytes(reactor, client, first);
  if (first.verdict.protocol != detect::Protocol::kHttp1) {
    client.Reset();
    co_return;
  }
  http::Response reply = http::MakeReply(failure, nullptr);
  codec::h1::HeadOptions options;
  options.close = options.write_content_length = true;
  base::ByteChain out;
  codec::h1::WriteResponseHead(*reply.head, options, &out);
  if (co_await net::WriteAll(client, std::move(out))) client.ShutdownWrite();
}

}  // namespace

Failure Refusal(FailureKind kind, std::string detail) {
  return Failure{kind, base::Origin::kProxy, base::Phase::kAccept, base::RetrySafety::kNever, std::move(detail)};
}

Failure NoChain(const config::Snapshot& snapshot, const http::ConnectionInfo& info, const detect::Verdict& verdict,
                std::string_view takes) {
  if (NobodyOwns(snapshot, info)) {
    return Refusal(FailureKind::kUnknownDestination,
                   info.listener + " knows no service at " + info.destination.ToString());
  }
  const bool tls = verdict.protocol == detect::Protocol::kTls;
  std::string offered;
  for (const std::string& protocol : verdict.hello.protocols) offered += (offered.empty() ? ", ALPN " : " ") + protocol;
  return Refusal(FailureKind::kNoFilterChain, info.listener + " " + std::string(takes) + " " +
                                                  (tls ? "TLS of this kind" + offered : "plain bytes") + " on port " +
                                                  std::to_string(info.destination.port()));
}

runtime::Task<void> AnswerRefused(runtime::Reactor& reactor, net::ByteStream& client, const Failure& failure) {
  const auto ended =
      co_await runtime::Within(reactor, reactor.now() + kRefusalWait, nullptr, Answer(reactor, client, failure));
  if (ended.outcome != runtime::Outcome::kDone) client.Reset();
}

}  // namespace weft::app
