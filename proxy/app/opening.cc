#include "proxy/app/opening.h"

#include <array>
#include <memory>
#include <utility>

#include "proxy/detect/preamble.h"
#include "proxy/net/relay.h"

namespace weft::app {
namespace {

using detect::ProxyRead;
using runtime::Task;

// Apart, so that no frame holds the buffer.
net::IoState TryReadMore(net::ByteStream& stream, std::string& text) {
  std::array<char, 2048> buffer;
  const net::IoResult got = stream.TryRead(buffer.data(), buffer.size());
  if (got.state == net::IoState::kOk) text.append(buffer.data(), got.bytes);
  return got.state;
}

// False: the client has finished, or failed.
Task<bool> ReadMore(net::ByteStream& stream, std::string& text) {
  for (;;) {
    const net::IoState state = TryReadMore(stream, text);
    if (state != net::IoState::kWouldBlock) co_return state == net::IoState::kOk;
    co_await stream.Readable();
  }
}

base::Failure BadHeader(std::string detail) {
  return base::Failure{base::FailureKind::kProxyHeader, base::Origin::kDownstream, base::Phase::kAccept,
                       base::RetrySafety::kNever, std::move(detail)};
}

}  // namespace

Task<ProxyRead> ReadProxyHeader(net::ByteStream& stream, std::string& text) {
  for (;;) {
    ProxyRead read = detect::ReadProxyHeader(text);
    if (read.state != ProxyRead::State::kNeedMore || !co_await ReadMore(stream, text)) co_return read;
  }
}

std::optional<base::Failure> ApplyProxyHeader(const config::ProxyHeaderSpec& spec, const ProxyRead& read,
                                              std::string& text, http::ConnectionInfo& info) {
  switch (read.state) {
    case ProxyRead::State::kBroken: return BadHeader(std::string(read.why));
    case ProxyRead::State::kNone:
    case ProxyRead::State::kNeedMore:
      if (!spec.required) return std::nullopt;
      return BadHeader(text.empty() ? "the client finished before a PROXY header" : "no PROXY header");
    case ProxyRead::State::kHeader: break;
  }
  const bool first_version = read.header.version == detect::ProxyVersion::k1;
  if (!(first_version ? spec.version1 : spec.version2))
    return BadHeader(first_version ? "version 1 is not allowed" : "version 2 is not allowed");
  text.erase(0, read.size);
  if (!read.header.source.valid()) return std::nullopt;  // LOCAL, UNKNOWN: the connection stands for itself
  info.direct_peer = std::make_shared<const base::Address>(std::exchange(info.peer, read.header.source));
  if (read.header.destination.valid()) info.destination = read.header.destination;
  return std::nullopt;
}

Task<bool> FollowPreamble(runtime::Reactor& reactor, net::ByteStream& stream, config::Preamble preamble,
                          FirstBytes& first) {
  using State = detect::ClientStep::State;
  bool promised = false;
  for (bool more = true; more;) {
    const detect::ClientStep step = detect::ReadClientPreamble(preamble, first.received.ToString());
    if (step.state == State::kNeedMore) {
      std::string text;
      more = co_await ReadMore(stream, text);
      if (more && first.seen_at == telemetry::kUnset) first.seen_at = reactor.now();
      if (more) first.received.AppendCopy(text);
      continue;
    }
    first.received.Consume(step.size);
    promised = step.state == State::kTls;
    more = step.state == State::kAnswer;
    base::ByteChain answer;
    answer.AppendCopy(step.answer);
    if (!step.answer.empty() && !co_await net::WriteAll(stream, std::move(answer))) break;
  }
  co_return promised;
}

}  // namespace weft::app
