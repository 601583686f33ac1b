// What a client says before its first bytes: a PROXY header where the listener asks for one, and the preamble of a
// protocol that asks for TLS in the clear (detect/preamble.h). Worker thread only; bounded in time by the caller, who
// may cut these tasks at any wait: what came is in his `text`, or `first.received`, then.
#ifndef WEFT_PROXY_APP_OPENING_H_
#define WEFT_PROXY_APP_OPENING_H_

#include <optional>
#include <string>

#include "proxy/app/first_bytes.h"
#include "proxy/base/failure.h"
#include "proxy/config/spec.h"
#include "proxy/detect/proxy_header.h"
#include "proxy/http/context.h"
#include "proxy/net/byte_stream.h"
#include "proxy/runtime/reactor.h"
#include "proxy/runtime/task.h"

namespace weft::app {

// Appends to `text` until it is known what it begins with. kNeedMore: the client finished before that.
runtime::Task<detect::ProxyRead> ReadProxyHeader(net::ByteStream& stream, std::string& text);

// Takes the header off `text`, and makes the client that it names the connection's. A Failure: the connection is
// refused.
std::optional<base::Failure> ApplyProxyHeader(const config::ProxyHeaderSpec& spec, const detect::ProxyRead& read,
                                              std::string& text, http::ConnectionInfo& info);

// Answers in the server's place. True: the client was promised TLS, and the server has to be asked for it. What follows
// is in `first.received`.
runtime::Task<bool> FollowPreamble(runtime::Reactor& reactor, net::ByteStream& stream, config::Preamble preamble,
                                   FirstBytes& first);

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_OPENING_H_
