// Relay: the two-way copy of opaque traffic. Buffers exist only while bytes are in flight; a direction that ended is
// passed on as FIN, a reset as RST, and the other direction goes on. No idle close of its own.
#ifndef WEFT_PROXY_NET_RELAY_H_
#define WEFT_PROXY_NET_RELAY_H_

#include <cstdint>

#include "proxy/base/buffer.h"
#include "proxy/net/byte_stream.h"
#include "proxy/runtime/scope.h"
#include "proxy/runtime/task.h"

namespace weft::net {

struct RelayCounters {
  uint64_t to_upstream = 0;
  uint64_t to_downstream = 0;
  bool reset = false;                             // one side reset
  runtime::TimePoint first_byte_from_upstream{};  // zero: none came
  runtime::TimePoint last_byte{};                 // in either direction; zero: none came
};

// Copies until both directions have ended. `prefix` are bytes of the downstream that were read before (detection) and
// go first. `counters` is kept up to date while it runs. Both streams must outlive the task.
runtime::Task<void> Relay(runtime::Reactor& reactor, ByteStream& downstream, ByteStream& upstream,
                          base::ByteChain prefix, RelayCounters& counters);

// Writes all of `bytes`; false when the stream failed.
runtime::Task<bool> WriteAll(ByteStream& stream, base::ByteChain bytes);

}  // namespace weft::net

#endif  // WEFT_PROXY_NET_RELAY_H_
