// What goes back to an HTTP/1.1 client: its answer, or the bytes of a tunnel, and how the connection is left behind.
// Coroutines of the connection's driver, on its worker; what they are given outlives them. They end early when the
// client is gone (context.client_gone), when nothing moves for the stream's idle time (context.stalled) or when the
// content fails; then the stream is reset, so that the client never takes a part for the whole, and context.failure
// says why.
#ifndef WEFT_PROXY_DOWNSTREAM_RESPONSE_WRITER_H_
#define WEFT_PROXY_DOWNSTREAM_RESPONSE_WRITER_H_

#include "proxy/base/buffer.h"
#include "proxy/config/spec.h"
#include "proxy/downstream/request_body.h"
#include "proxy/http/context.h"
#include "proxy/http/message.h"
#include "proxy/http/service.h"
#include "proxy/net/byte_stream.h"
#include "proxy/runtime/ready_or.h"
#include "proxy/runtime/task.h"
#include "proxy/runtime/wait.h"

namespace weft::downstream {

// Writes `before`, the head in the form that the client understands, and the content. True: all was sent and the
// connection goes on; `close` tells the client that it does not.
runtime::ReadyOr<bool> WriteResponse(net::ByteStream& client, const config::HttpConnectionSpec& spec,
                                     const http::RequestHead& request, http::Context& context, http::Response& response,
                                     bool close, base::ByteChain before);

// After 101, or 2xx to CONNECT: the head, then the upstream's bytes to the client, until they end, then FIN. The other
// direction is pumped by the upstream's try. `revoked` cuts it.
runtime::Task<void> RunTunnel(net::ByteStream& client, runtime::Cancellation& revoked, const http::RequestHead& request,
                              http::Context& context, http::Response& response, base::ByteChain before);

// The response is out before the request's content has ended: reads the rest when it is short. True: it was.
runtime::Task<bool> DrainRequest(runtime::Reactor& reactor, RequestBody& body);

// Closing while the client still sends would reset the connection and could destroy our last reply on its way: finish,
// then read on for a while (RFC 9112 section 9.6).
runtime::Task<void> Linger(runtime::Reactor& reactor, net::ByteStream& client);

}  // namespace weft::downstream

#endif  // WEFT_PROXY_DOWNSTREAM_RESPONSE_WRITER_H_
