// Subscription: one resource type on one ADS stream, state of the world: what the client asks for, what it was sent,
// what it answered. The rules are those of the xDS protocol's "ACK/NACK and resource type instance version";
// StreamState orders the types.
//
// Clusters and listeners are sent whole each time (what is absent is deleted); endpoints and routes only where they
// changed. No I/O and no clock; one thread at a time (its Connection holds a mutex).
#ifndef WEFT_CONTROL_SERVE_SUBSCRIPTION_H_
#define WEFT_CONTROL_SERVE_SUBSCRIPTION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "control/compile/resource.h"
#include "envoy/service/discovery/v3/discovery.pb.h"

namespace weft::control::serve {

using envoy::service::discovery::v3::DiscoveryRequest;

struct Limits {
  // gRPC clients drop a stream for good whose response is above 4 MiB.
  size_t response_bytes = 3'500'000;
  // How long an unanswered response holds back the next one, and the types behind it.
  absl::Duration answer_deadline = absl::Seconds(10);
  // Of one type in one request; what a stream may make us remember.
  int names = 100'000;
};

// What becomes one DiscoveryResponse.
struct Response {
  compile::ResourceType type = compile::ResourceType::kCluster;
  std::string version;
  std::string nonce;
  std::vector<compile::ResourcePtr> resources;
};

// What a request said about the last response.
enum class Answer { kNothing, kAck, kNack, kStale };

// For `weft proxies`.
struct SubscriptionReport {
  bool active = false;
  bool in_step = false;  // what it accepted is what it should have
  std::string sent_version, acked_version;
  int64_t resources = 0;  // in the last response
  // The last refusal that still stands; `rejected_at` InfinitePast: none.
  std::string rejected_version, rejection;
  absl::Time rejected_at = absl::InfinitePast();
};

class Subscription {
 public:
  using ByName = std::map<std::string, compile::ResourcePtr>;

  // `implied_wildcard`: as long as the client has named nothing, no names mean everything (clusters and listeners
  // only).
  Subscription(compile::ResourceType type, const Limits& limits, bool implied_wildcard);

  Answer OnRequest(const DiscoveryRequest& request, absl::Time now);
  void SetTarget(std::shared_ptr<const compile::TypeConfig> target);
  // Resources that are no longer in the target and stay a while, because the client's routes still refer to them.
  void SetKept(std::vector<compile::ResourcePtr> kept);
  // These are sent again although they did not change. Names that are not subscribed are ignored.
  void SendAgain(const std::vector<std::string>& names);

  bool active() const { return active_; }
  // Something waits to be sent; of it, something that the client has asked for and never got.
  bool pending() const { return must_answer_ || !pending_.empty(); }
  bool asked() const;
  // A response is in flight, and its deadline is not over.
  bool Waiting(absl::Time now) const { return in_flight_.has_value() && now < answer_until_; }
  // None when there is nothing to send after all. `only_asked` leaves mere changes for later.
  std::optional<Response> Next(const std::string& nonce, bool only_asked, absl::Time now);

  // What the client may be using: the newest that it accepted, and what it was sent since.
  const ByName& accepted() const { return accepted_; }
  const ByName& sent() const { return sent_; }
  const std::shared_ptr<const compile::TypeConfig>& target() const { return target_; }
  // The names in the response that was answered last.
  const std::vector<std::string>& answered_names() const { return answered_names_; }

  SubscriptionReport Report() const;

 private:
  bool IsWhole() const { return type_ == compile::ResourceType::kCluster || type_ == compile::ResourceType::kListener; }
  bool Wants(const std::string& name) const { return wildcard_ || names_.count(name) != 0; }
  Answer NoteAnswer(const DiscoveryRequest& request, absl::Time now);
  void NoteAccepted();
  void SetNames(const DiscoveryRequest& request);
  void Deactivate();
  void Refresh();  // desired_ and pending_
  std::vector<compile::ResourcePtr> TakeWhole();
  std::vector<compile::ResourcePtr> TakeChanged(bool only_asked);
  bool Admit(const compile::ResourcePtr& resource);

  const compile::ResourceType type_;
  const Limits limits_;
  const bool implied_wildcard_;

  bool active_ = false;
  bool named_ = false;  // ever, on this stream: the end of the implied wildcard
  bool wildcard_ = false;
  std::set<std::string> names_;

  std::shared_ptr<const compile::TypeConfig> target_;  // null: not known yet
  std::vector<compile::ResourcePtr> kept_;
  std::vector<compile::ResourcePtr> desired_;  // of target and kept what the client wants; by name
  bool must_answer_ = false;                   // even if the content is what it has
  std::set<std::string> pending_;              // names that differ from what was sent
  std::set<std::string> asked_;                // by name, and never sent since
  std::set<std::string> again_;
  std::string oversized_;  // the first wanted resource that no response can carry, with the reason; empty: none

  ByName sent_, accepted_;
  std::string nonce_;                  // of the last response; empty: none yet
  std::optional<Response> in_flight_;  // not answered yet
  absl::Time answer_until_ = absl::InfinitePast();
  std::vector<std::string> answered_names_;
  SubscriptionReport report_;
};

}  // namespace weft::control::serve

#endif  // WEFT_CONTROL_SERVE_SUBSCRIPTION_H_
