// StreamState: what one ADS stream (state of the world) must be sent next. It knows the order of the types;
// Subscription knows each of them.
//
// - Clusters, endpoints, listeners, routes. Changed endpoints wait until the clusters of their configuration are sent,
//   since an old one may lack the transport that a new endpoint needs; changed listeners and routes until the clusters
//   that they may refer to were answered, and the endpoints of new ones too; all up to a deadline. What a client asks
//   for by name is never held back.
// - A cluster that went away stays as long as the client's listeners and routes refer to it (make before break).
// - Each new or changed cluster is followed by its endpoints, changed or not: Envoy waits for them.
// - At most one response of a type is unanswered, up to a deadline. Rejected content is not sent again.
//
// No I/O and no clock; one thread at a time (its Connection holds a mutex).
#ifndef WEFT_CONTROL_SERVE_STREAM_STATE_H_
#define WEFT_CONTROL_SERVE_STREAM_STATE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/compile/resource.h"
#include "control/serve/subscription.h"
#include "envoy/config/core/v3/core.pb.h"

namespace weft::control::serve {

struct Reaction {
  Answer answer = Answer::kNothing;
  std::optional<compile::ResourceType> type;  // none: a type that we do not serve; such requests are not answered
  std::string error;                          // of a NACK
};

class StreamState {
 public:
  explicit StreamState(const Limits& limits) : limits_(limits) {}

  // An error ends the stream. InvalidArgument: no type_url, or a first request without node.id; ResourceExhausted: more
  // names than Limits allow.
  absl::StatusOr<Reaction> OnRequest(const DiscoveryRequest& request, absl::Time now);
  void SetConfig(std::shared_ptr<const compile::ProxyConfig> config);

  // To be called after each of the above, after each written response, and at times; until it gives none.
  std::optional<Response> Next(absl::Time now);

  bool has_node() const { return has_node_; }
  const envoy::config::core::v3::Node& node() const { return node_; }
  const std::shared_ptr<const compile::ProxyConfig>& config() const { return config_; }

  SubscriptionReport Report(compile::ResourceType type) const;
  // All that it subscribes to is accepted, and it subscribes to something.
  bool InStep() const;
  int64_t accepted_revision() const { return accepted_revision_; }

 private:
  Subscription& Of(compile::ResourceType type) { return *subscriptions_[static_cast<size_t>(type)]; }
  const Subscription& Of(compile::ResourceType type) const { return *subscriptions_[static_cast<size_t>(type)]; }
  absl::Status TakeNode(const DiscoveryRequest& request);
  void NoteAnswered(compile::ResourceType type);
  void UpdateKept();
  std::set<std::string> ClustersInUse() const;
  bool MustWait(compile::ResourceType type, absl::Time now);
  void FollowWithEndpoints(const Subscription::ByName& before, const Response& response, absl::Time now);
  void NoteStep();

  const Limits limits_;
  bool has_node_ = false;
  envoy::config::core::v3::Node node_;
  // None before the first request.
  std::array<std::optional<Subscription>, compile::kResourceTypes> subscriptions_;
  std::shared_ptr<const compile::ProxyConfig> config_;  // null: not known yet
  uint64_t nonce_ = 0;
  bool check_kept_ = false;
  // Endpoints of new and changed clusters that the client has not answered yet.
  std::set<std::string> awaited_;
  absl::Time awaited_until_ = absl::InfinitePast();
  std::array<absl::Time, compile::kResourceTypes> held_since_;  // InfiniteFuture: is not held back
  int64_t accepted_revision_ = 0;
};

}  // namespace weft::control::serve

#endif  // WEFT_CONTROL_SERVE_STREAM_STATE_H_
