// What goes to the server of an opaque connection before the client's bytes: a PROXY header, and the request for TLS
// that the client already made of us (detect/preamble.h). Worker thread only; bounded in time by the caller.
#ifndef WEFT_PROXY_DOWNSTREAM_UPSTREAM_OPENING_H_
#define WEFT_PROXY_DOWNSTREAM_UPSTREAM_OPENING_H_

#include <optional>
#include <string>

#include "proxy/base/failure.h"
#include "proxy/config/l4_spec.h"
#include "proxy/net/byte_stream.h"
#include "proxy/runtime/task.h"

namespace weft::downstream {

// Sends the header (empty: none), asks for TLS, eats the one byte of the answer. A Failure: the server closed, or has
// no TLS.
runtime::Task<std::optional<base::Failure>> OpenUpstream(net::ByteStream& server, std::string proxy_header,
                                                         config::Preamble preamble);

}  // namespace weft::downstream

#endif  // WEFT_PROXY_DOWNSTREAM_UPSTREAM_OPENING_H_
