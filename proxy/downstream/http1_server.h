// Drives one HTTP/1.1 client connection: request after request through the service, until one side ends it. Worker
// thread only.
#ifndef WEFT_PROXY_DOWNSTREAM_HTTP1_SERVER_H_
#define WEFT_PROXY_DOWNSTREAM_HTTP1_SERVER_H_

#include <memory>

#include "proxy/base/buffer.h"
#include "proxy/downstream/server.h"
#include "proxy/net/byte_stream.h"
#include "proxy/runtime/task.h"

namespace weft::downstream {

// `received` was read before (detection). `info`, `chains`, `stream` and what `deps` names outlive the task. Ends when
// the connection has ended. While it waits for a request it holds little more than its place in the configuration.
runtime::Task<void> ServeHttp1(const ServerDeps& deps, ChainSelector& chains, http::ConnectionInfo& info,
                               net::ByteStream& stream, base::ByteChain received);

}  // namespace weft::downstream

#endif  // WEFT_PROXY_DOWNSTREAM_HTTP1_SERVER_H_
