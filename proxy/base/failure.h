// Failure says what went wrong on the data path, whose fault it was, when it happened and whether the same request may
// be sent again. Every stage returns it inside Result<T>; proxy/http/reply.cc turns it into the reply, the response
// flag, the metric label and the log word, so that these four never disagree. Plain value; any thread.
#ifndef WEFT_PROXY_BASE_FAILURE_H_
#define WEFT_PROXY_BASE_FAILURE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace weft::base {

// One kind per thing that a person on call would look up. The names (Name()) are stable: metrics, logs and docs use
// them.
enum class FailureKind : uint8_t {
  // The client's message or connection.
  kMalformedRequest,  // not HTTP, or ambiguous HTTP
  kHeadersTooLarge,   // header bytes or count above the limit
  kRequestBodyTooLarge,
  kUnsupportedProtocol,   // for example HTTP/2 where it is not spoken
  kDownstreamClosed,      // the client went away
  kDownstreamIdle,        // nothing came for the idle time
  kRequestHeaderTimeout,  // the head did not arrive in time
  kRequestTimeout,        // the whole request did not arrive in time
  kHttp10Refused,         // HTTP/1.0 where it is not accepted
  // Decisions of this proxy.
  kNoRoute,             // known service, no rule matched
  kNoFilterChain,       // no filter chain of the listener takes this connection
  kHiddenName,          // the chain takes no connection whose true server name may be encrypted
  kProxyHeader,         // a PROXY header is missing, broken, or of a version that is not allowed
  kUnknownDestination,  // registryOnly, and no service owns the destination
  kNoCluster,           // the route names a cluster that does not exist
  kNoHealthyEndpoint,
  kNotAuthorized,  // policy or peer identity
  kOverflow,       // a limit of the circuit breaker; a unix socket's queue is full
  kNoConfig,       // no configuration arrived within the hold time
  kDraining,
  kUpgradeRefused,  // an Upgrade or CONNECT that no rule allows
  kLoop,            // the destination is this proxy itself
  kOutOfResources,  // descriptors or memory
  // The upstream.
  kConnectRefused,
  kConnectFailed,  // unreachable, reset while connecting, any other errno
  kConnectTimeout,
  kUpstreamTls,       // handshake or verification failed towards the endpoint
  kUpstreamClosed,    // closed before a byte of the answer
  kUpstreamReset,     // reset, or closed in the middle of the answer
  kUpstreamProtocol,  // the answer is not HTTP
  kUpstreamTimeout,   // the deadline of the request passed (504)
  kTryTimeout,        // the deadline of one try passed
  // TLS towards the client.
  kDownstreamTls,          // handshake failed
  kDownstreamCertificate,  // no, wrong, expired or untrusted client certificate
  // Streams in general.
  kIoError,
  kTimeout,  // a bound of a wait, before a stage gives it a better name
  kCancelled,
  kInternal,  // a broken invariant of ours, survived
};
inline constexpr int kFailureKindCount = static_cast<int>(FailureKind::kInternal) + 1;

// Whose fault it was; decides the class of the reply and the error budget that it is charged to.
enum class Origin : uint8_t { kProxy, kDownstream, kUpstream };

// How far the request had come.
enum class Phase : uint8_t { kAccept, kRequestHead, kRouting, kConnect, kTls, kRequestSent, kResponse, kBody };

// Whether the same request may be sent again.
enum class RetrySafety : uint8_t {
  kNever,       // may have been processed
  kIdempotent,  // may have been processed: only for methods that may run twice (RFC 9110 section 9.2.2)
  kNotSent,     // certainly never processed: safe for every method
};

struct Failure {
  FailureKind kind = FailureKind::kInternal;
  Origin origin = Origin::kProxy;
  Phase phase = Phase::kRouting;
  RetrySafety retry = RetrySafety::kNever;
  std::string detail;  // for logs: names, limits, identities; never sent to a stranger by default
};

// The stable snake_case word of a kind, for example "connect_refused".
std::string_view Name(FailureKind kind);
std::string_view Name(Origin origin);
std::string_view Name(Phase phase);

}  // namespace weft::base

#endif  // WEFT_PROXY_BASE_FAILURE_H_
