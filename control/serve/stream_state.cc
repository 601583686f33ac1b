#include "control/serve/stream_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace weft::control::serve {
namespace {

using compile::ResourcePtr;
using compile::ResourceType;

constexpr ResourceType kInOrder[] = {ResourceType::kCluster, ResourceType::kEndpoint, ResourceType::kListener,
                                     ResourceType::kRoute};

// gRPC never means everything by naming nothing.
bool IsGrpc(const envoy::config::core::v3::Node& node) { return absl::StartsWith(node.user_agent_name(), "gRPC"); }

void AddClusters(const Subscription::ByName& resources, std::set<std::string>* clusters) {
  for (const auto& [name, resource] : resources) clusters->insert(resource->clusters.begin(), resource->clusters.end());
}

}  // namespace

absl::Status StreamState::TakeNode(const DiscoveryRequest& request) {
  if (has_node_) return absl::OkStatus();  // only the first one counts, and most clients send only that
  if (request.node().id().empty()) {
    return absl::InvalidArgumentError("node.id: is missing in the first request of the stream");
  }
  node_ = request.node();
  has_node_ = true;
  held_since_.fill(absl::InfiniteFuture());
  for (ResourceType type : kInOrder) {
    subscriptions_[static_cast<size_t>(type)].emplace(type, limits_, !IsGrpc(node_));
    if (config_ != nullptr) Of(type).SetTarget(config_->types[static_cast<size_t>(type)]);
  }
  return absl::OkStatus();
}

absl::StatusOr<Reaction> StreamState::OnRequest(const DiscoveryRequest& request, absl::Time now) {
  if (absl::Status node = TakeNode(request); !node.ok()) return node;
  if (request.type_url().empty())
    return absl::InvalidArgumentError("type_url: is missing; an aggregated stream needs it");
  if (request.resource_names_size() > limits_.names) {
    return absl::ResourceExhaustedError(absl::StrCat("resource_names: has ", request.resource_names_size(),
                                                     " names; at most ", limits_.names, " of a type are served"));
  }
  Reaction reaction;
  reaction.type = compile::TypeFromUrl(request.type_url());
  if (!reaction.type.has_value()) return reaction;
  reaction.answer = Of(*reaction.type).OnRequest(request, now);
  if (reaction.answer == Answer::kNack) reaction.error = Of(*reaction.type).Report().rejection;
  if (reaction.answer == Answer::kAck || reaction.answer == Answer::kNack) NoteAnswered(*reaction.type);
  check_kept_ = true;
  NoteStep();
  return reaction;
}

void StreamState::NoteAnswered(ResourceType type) {
  if (type != ResourceType::kEndpoint) return;
  for (const std::string& name : Of(type).answered_names()) awaited_.erase(name);
}

void StreamState::SetConfig(std::shared_ptr<const compile::ProxyConfig> config) {
  config_ = std::move(config);
  if (!has_node_) return;
  for (ResourceType type : kInOrder) Of(type).SetTarget(config_->types[static_cast<size_t>(type)]);
  std::erase_if(awaited_,
                [&](const std::string& name) { return config_->Of(ResourceType::kEndpoint).Find(name) == nullptr; });
  check_kept_ = true;
  UpdateKept();
  NoteStep();
}

std::set<std::string> StreamState::ClustersInUse() const {
  std::set<std::string> clusters;
  const Subscription& listeners = Of(ResourceType::kListener);
  AddClusters(listeners.accepted(), &clusters);
  AddClusters(listeners.sent(), &clusters);
  // Once the listeners are the new ones, routes that no longer exist have nobody who uses them.
  const bool listeners_done = listeners.Report().in_step;
  const Subscription& routes = Of(ResourceType::kRoute);
  for (const Subscription::ByName* resources : {&routes.accepted(), &routes.sent()}) {
    for (const auto& [name, resource] : *resources) {
      if (listeners_done && config_->Of(ResourceType::kRoute).Find(name) == nullptr) continue;
      clusters.insert(resource->clusters.begin(), resource->clusters.end());
    }
  }
  return clusters;
}

void StreamState::UpdateKept() {
  if (!check_kept_ || config_ == nullptr) return;
  check_kept_ = false;
  std::vector<ResourcePtr> gone;
  for (const auto& [name, resource] : Of(ResourceType::kCluster).sent()) {
    if (config_->Of(ResourceType::kCluster).Find(name) == nullptr) gone.push_back(resource);
  }
  if (!gone.empty()) {
    const std::set<std::string> in_use = ClustersInUse();
    std::erase_if(gone, [&](const ResourcePtr& resource) { return in_use.count(resource->name) == 0; });
  }
  Of(ResourceType::kCluster).SetKept(std::move(gone));
}

bool StreamState::MustWait(ResourceType type, absl::Time now) {
  if (type == ResourceType::kCluster) return false;
  const Subscription& clusters = Of(ResourceType::kCluster);
  const bool must = type == ResourceType::kEndpoint
                        ? clusters.pending()
                        : clusters.Waiting(now) || (!awaited_.empty() && now < awaited_until_);
  absl::Time& since = held_since_[static_cast<size_t>(type)];
  if (!must) {
    since = absl::InfiniteFuture();
    return false;
  }
  // Clusters that change all the time must not hold back routes for ever.
  since = std::min(since, now);
  return now - since < limits_.answer_deadline;
}

std::optional<Response> StreamState::Next(absl::Time now) {
  if (!has_node_ || config_ == nullptr) return std::nullopt;
  UpdateKept();
  for (ResourceType type : kInOrder) {
    Subscription& subscription = Of(type);
    if (!subscription.pending() || subscription.Waiting(now)) continue;
    const bool only_asked = MustWait(type, now);
    if (only_asked && !subscription.asked()) continue;
    Subscription::ByName before;
    if (type == ResourceType::kCluster) before = subscription.sent();
    std::optional<Response> response = subscription.Next(absl::StrCat(nonce_ + 1), only_asked, now);
    if (!response.has_value()) continue;
    ++nonce_;
    held_since_[static_cast<size_t>(type)] = absl::InfiniteFuture();
    if (type == ResourceType::kCluster) FollowWithEndpoints(before, *response, now);
    return response;
  }
  return std::nullopt;
}

void StreamState::FollowWithEndpoints(const Subscription::ByName& before, const Response& response, absl::Time now) {
  std::vector<std::string> names;
  for (const ResourcePtr& cluster : response.resources) {
    const auto old = before.find(cluster->name);
    if (old != before.end() && old->second->hash == cluster->hash) continue;
    for (const std::string& name : cluster->needs) {
      if (config_->Of(ResourceType::kEndpoint).Find(name) != nullptr) names.push_back(name);
    }
  }
  if (names.empty()) return;
  Of(ResourceType::kEndpoint).SendAgain(names);
  awaited_.insert(names.begin(), names.end());
  awaited_until_ = now + limits_.answer_deadline;
}

SubscriptionReport StreamState::Report(ResourceType type) const {
  return has_node_ ? Of(type).Report() : SubscriptionReport();
}

bool StreamState::InStep() const {
  if (!has_node_ || config_ == nullptr) return false;
  bool any = false;
  for (ResourceType type : kInOrder) {
    const SubscriptionReport report = Of(type).Report();
    if (report.active && !report.in_step) return false;
    any = any || report.active;
  }
  return any;
}

void StreamState::NoteStep() {
  if (InStep()) accepted_revision_ = config_->revision;
}

}  // namespace weft::control::serve
