// Context: what travels with one request through the stages, and what they leave for logs, metrics and `explain`. Made
// by the driver of the downstream connection, one per request, on its worker; outlives the Call and the response's
// body.
#ifndef WEFT_PROXY_HTTP_CONTEXT_H_
#define WEFT_PROXY_HTTP_CONTEXT_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/address.h"
#include "proxy/base/failure.h"
#include "proxy/runtime/reactor.h"
#include "proxy/runtime/wait.h"
#include "proxy/telemetry/stamps.h"

namespace weft::config {
class Snapshot;
struct FilterChain;
struct Cluster;
struct Host;
}  // namespace weft::config
namespace weft::endpoint {
class EndpointState;
}  // namespace weft::endpoint
namespace weft::route {
struct Rule;
}  // namespace weft::route

namespace weft::http {

// Facts of the downstream connection, fixed once it is accepted and identified.
struct ConnectionInfo {
  uint64_t id = 0;
  base::Address peer;                                // the client: who connected, or whom the PROXY header names
  base::Address local;                               // our end of the socket
  base::Address destination;                         // where the client was going: the original destination, or `local`
  std::shared_ptr<const base::Address> direct_peer;  // who connected; null: `peer` did
  bool redirected = false;                           // destination came from SO_ORIGINAL_DST
  bool inbound = false;                              // traffic_direction of the listener
  std::string listener;
  std::string filter_chain;
  bool tls = false;                     // we terminated TLS
  std::string sni;                      // server name that the client asked for, also of TLS that only passes
  std::string_view name_kind;           // detect::Name(NameKind) of it: "outer" and "hidden" hide another; "": not TLS
  std::string alpn;                     // negotiated application protocol
  std::string peer_principal;           // SPIFFE URI of the verified client certificate, or empty
  std::string peer_certificate_sha256;  // of the same certificate, lower case hex
  std::string local_principal;          // SPIFFE URI of our certificate, or empty
  telemetry::ConnectionStamps stamps;
};

// What was decided, in plain words for logs and `explain`. Views live as long as the Snapshot that the Context pins.
struct Decision {
  std::string_view virtual_host;
  std::string_view route;
  std::string_view cluster;
  base::Address endpoint;  // of the last try
  uint32_t tries = 0;
};

struct ResponseHead;

// Takes interim responses (1xx other than 100 and 101), which go to the client at once.
class InterimSink {
 public:
  virtual void OnInterim(const ResponseHead& head) = 0;

 protected:
  ~InterimSink() = default;
};

class Context {
 public:
  Context(runtime::Reactor& reactor_in, ConnectionInfo& connection_in)
      : reactor(reactor_in),
        connection(connection_in),
        client_gone(reactor_in),
        stalled(reactor_in),
        late(reactor_in) {}

  runtime::Reactor& reactor;
  ConnectionInfo& connection;

  // Pinned for the whole request.
  const config::Snapshot* snapshot = nullptr;
  const config::FilterChain* chain = nullptr;
  // Set by route/.
  const route::Rule* rule = nullptr;              // null: no rule (then a Failure was returned)
  std::string_view cluster_name;                  // the cluster chosen, weights already applied
  runtime::TimePoint deadline = runtime::kNever;  // of the whole request, absolute; unset while the client still sends
  uint16_t no_cluster_status = 503;               // cluster_not_found_response_code
  bool authority_of_endpoint = false;             // auto_host_rewrite: tries send the endpoint's hostname
  // Set by balance/ for each try, from the newest Snapshot: valid until the try waits for the first time.
  const config::Cluster* cluster = nullptr;
  const config::Host* host = nullptr;

  // Endpoints that failed this request, the newest kMaxTried of them: balance/ avoids them.
  static constexpr size_t kMaxTried = 4;
  std::array<const endpoint::EndpointState*, kMaxTried> tried{};
  // The next try must not use a kept-alive connection: one was found dead.
  bool want_new_connection = false;

  // Null: the client does not want them.
  InterimSink* interim = nullptr;

  Decision decision;
  telemetry::RequestStamps stamps;
  // The failure that this proxy answered with, for the log: set by whoever turns a Failure into a reply.
  base::Failure failure;
  bool failed = false;
  // The client's body turned out to be broken or cut off while it was pumped to the upstream (then client_gone is
  // signalled).
  base::Failure body_failure;
  bool body_failed = false;
  uint64_t request_bytes = 0;
  uint64_t response_bytes = 0;

  // Signalled when the client has reset the connection: whatever waits for an upstream stops.
  runtime::Cancellation client_gone;
  // Signalled, with client_gone, when nothing has moved for the stream's idle time.
  runtime::Cancellation stalled;
  // Signalled when the deadline passes that RequestComplete() set.
  runtime::Cancellation late;

  // RouteAction.timeout counts from the moment when the whole request is here. 0: none.
  void set_timeout(runtime::Duration timeout, bool whole_request_is_here) {
    if (timeout == runtime::Duration::zero()) return;
    if (whole_request_is_here) {
      deadline = reactor.now() + timeout;
    } else {
      timeout_ = timeout;
    }
  }
  // The last byte of the client's content was read.
  void RequestComplete() {
    stamps.body_received = reactor.now();
    if (timeout_ == runtime::Duration::zero()) return;
    deadline = reactor.now() + timeout_;
    reactor.timers().Arm(&late_timer_, deadline);
  }

  // Bytes of the request or of the response have moved, either way.
  void Moved() { moved_at_ = reactor.now(); }
  // stream_idle_timeout: the driver sets that of the connection manager, route/ that of the route in its place. 0:
  // none.
  void set_stream_idle_timeout(runtime::Duration timeout) {
    stream_idle_timeout_ = timeout;
    Moved();
    idle_timer_.Cancel();
    if (timeout > runtime::Duration::zero()) reactor.timers().Arm(&idle_timer_, moved_at_ + timeout);
  }

 private:
  class LateTimer final : public runtime::Timer {
   public:
    explicit LateTimer(Context& context) : context_(context) {}
    void OnTimer() override { context_.late.Cancel(); }

   private:
    Context& context_;
  };
  // Armed once: what moves in the meantime only leaves its time.
  class IdleTimer final : public runtime::Timer {
   public:
    explicit IdleTimer(Context& context) : context_(context) {}
    void OnTimer() override {
      const runtime::TimePoint due = context_.moved_at_ + context_.stream_idle_timeout_;
      if (due > context_.reactor.now()) return context_.reactor.timers().Arm(this, due);
      context_.stalled.Cancel();
      context_.client_gone.Cancel();
    }

   private:
    Context& context_;
  };
  runtime::Duration timeout_{};
  LateTimer late_timer_{*this};
  runtime::Duration stream_idle_timeout_{};
  runtime::TimePoint moved_at_{};
  IdleTimer idle_timer_{*this};
};

}  // namespace weft::http

#endif  // WEFT_PROXY_HTTP_CONTEXT_H_
