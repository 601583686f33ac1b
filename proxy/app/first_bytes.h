// The first bytes of a connection, read before anything is decided, and what they say. Worker thread only.
#ifndef WEFT_PROXY_APP_FIRST_BYTES_H_
#define WEFT_PROXY_APP_FIRST_BYTES_H_

#include "proxy/base/buffer.h"
#include "proxy/detect/classify.h"
#include "proxy/net/byte_stream.h"
#include "proxy/runtime/reactor.h"
#include "proxy/runtime/task.h"
#include "proxy/telemetry/stamps.h"

namespace weft::app {

struct FirstBytes {
  base::ByteChain received;  // goes to whoever serves the connection
  detect::Verdict verdict;
  bool ended = false;  // the client finished or failed before it said anything
  telemetry::Stamp seen_at = telemetry::kUnset;
};

// Reads on from what is in `received` until the bytes are known for what they are (at most detect's limit). Bounded in
// time by the caller.
runtime::Task<void> ReadFirstBytes(runtime::Reactor& reactor, net::ByteStream& stream, FirstBytes& first);

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_FIRST_BYTES_H_
