#include "proxy/downstream/upstream_opening.h"

#include <utility>

#include "proxy/base/buffer.h"
#include "proxy/detect/preamble.h"
#include "proxy/net/relay.h"

namespace weft::downstream {
namespace {

using base::Failure;
using base::FailureKind;
using runtime::Task;

Failure AtOpening(FailureKind kind, base::Phase phase, std::string detail) {
  return Failure{kind, base::Origin::kUpstream, phase, base::RetrySafety::kNotSent, std::move(detail)};
}

// One byte and no more: what follows is the client's. Nullopt: the server closed.
Task<std::optional<char>> ReadByte(net::ByteStream& stream) {
  for (;;) {
    char byte;
    const net::IoResult got = stream.TryRead(&byte, 1);
    if (got.state == net::IoState::kOk) co_return byte;
    if (got.state != net::IoState::kWouldBlock) co_return std::nullopt;
    co_await stream.Readable();
  }
}

}  // namespace

Task<std::optional<Failure>> OpenUpstream(net::ByteStream& server, std::string proxy_header,
                                          config::Preamble preamble) {
  base::ByteChain out;
  if (!proxy_header.empty()) out.AppendCopy(proxy_header);
  const std::string_view request = detect::RequestOfTls(preamble);
  if (!request.empty()) out.AppendCopy(request);
  if (!out.empty() && !co_await net::WriteAll(server, std::move(out)))
    co_return AtOpening(FailureKind::kConnectFailed, base::Phase::kConnect, "the server closed at once");
  if (request.empty()) co_return std::nullopt;
  const std::optional<char> answer = co_await ReadByte(server);
  if (!answer)
    co_return AtOpening(FailureKind::kUpstreamTls, base::Phase::kTls,
                        "closed_in_handshake: the server ended when it was asked for TLS");
  switch (detect::ReadServerAnswer(preamble, *answer)) {
    case detect::ServerAnswer::kAgreed: co_return std::nullopt;
    case detect::ServerAnswer::kRefused:
      co_return AtOpening(FailureKind::kUpstreamTls, base::Phase::kTls,
                          "not_tls: the server has no TLS, it said no when it was asked");
    case detect::ServerAnswer::kBroken: break;
  }
  co_return AtOpening(FailureKind::kUpstreamTls, base::Phase::kTls,
                      "protocol_error: the server said what its protocol does not know when it was asked for TLS");
}

}  // namespace weft::downstream
