// The seam between the ADS logic and what carries it: one bidirectional stream of DiscoveryRequests and
// DiscoveryResponses. GrpcStreamSource is the real one; tests have one in memory. Main thread only. No gRPC type is
// seen here.
#ifndef WEFT_PROXY_DISCOVERY_ADS_STREAM_H_
#define WEFT_PROXY_DISCOVERY_ADS_STREAM_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "envoy/service/discovery/v3/discovery.pb.h"

namespace weft::discovery {

using DiscoveryRequest = envoy::service::discovery::v3::DiscoveryRequest;
using DiscoveryResponse = envoy::service::discovery::v3::DiscoveryResponse;

// Called from the reactor's loop, never from within a call to AdsStream or StreamSource. Any of them may destroy the
// stream.
class StreamEvents {
 public:
  virtual ~StreamEvents() = default;
  // The request given to Send() is on its way: the connection stands, and the next one may follow.
  virtual void OnSent() = 0;
  virtual void OnResponse(DiscoveryResponse response) = 0;
  // The stream is over, however it ended (OK: the server closed it in good order). Nothing follows.
  virtual void OnClosed(const absl::Status& status) = 0;
};

// Destroying it cancels the stream; no event comes afterwards.
class AdsStream {
 public:
  virtual ~AdsStream() = default;
  // One at a time: the next after OnSent().
  virtual void Send(const DiscoveryRequest& request) = 0;
  // Asks for one response. So never more than one is in memory that has not been dealt with.
  virtual void Receive() = 0;
};

class StreamSource {
 public:
  virtual ~StreamSource() = default;
  // A new stream on a new connection with the credentials of this moment. An error: it cannot even be tried (there is
  // no certificate yet). `events` outlives the stream.
  virtual absl::StatusOr<std::unique_ptr<AdsStream>> Open(StreamEvents& events) = 0;
  // For messages and admin: "dns:///weft-control.weft-system.svc:15012".
  virtual const std::string& target() const = 0;
};

}  // namespace weft::discovery

#endif  // WEFT_PROXY_DISCOVERY_ADS_STREAM_H_
