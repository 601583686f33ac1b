// Monotonic time stamps of every step of a connection and of each try. Logs, traces and time diagrams are drawn from
// them. A stamp of zero means: did not happen. Plain values; the worker that drives the connection writes them with the
// time of its loop's turn.
#ifndef WEFT_PROXY_TELEMETRY_STAMPS_H_
#define WEFT_PROXY_TELEMETRY_STAMPS_H_

#include "proxy/base/time.h"

namespace weft::telemetry {

using Stamp = base::TimePoint;
inline constexpr Stamp kUnset{};

struct ConnectionStamps {
  Stamp accepted = kUnset;
  Stamp first_byte = kUnset;  // first bytes of the client were seen
  Stamp tls_done = kUnset;    // our handshake with the client ended
  Stamp closed = kUnset;
};

// One upstream attempt.
struct TryStamps {
  Stamp started = kUnset;  // endpoint chosen
  Stamp dialled = kUnset;  // connect() began; unset: a pooled connection was used
  Stamp connected = kUnset;
  Stamp tls_done = kUnset;
  Stamp request_sent = kUnset;  // head and body (or the first part of it) written
  Stamp first_byte = kUnset;    // of the response
  Stamp last_byte = kUnset;
};

struct RequestStamps {
  Stamp head_received = kUnset;     // the request's head was complete
  Stamp body_received = kUnset;     // its last byte was read from the client
  TryStamps last_try;               // earlier tries are kept by resilience/ where it makes several
  Stamp response_started = kUnset;  // head went downstream
  Stamp response_ended = kUnset;    // last byte went downstream
};

}  // namespace weft::telemetry

#endif  // WEFT_PROXY_TELEMETRY_STAMPS_H_
