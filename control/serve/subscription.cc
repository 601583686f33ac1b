#include "control/serve/subscription.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weft::control::serve {
namespace {

using compile::ResourcePtr;

constexpr char kEverything[] = "*";
constexpr size_t kMostRejectionBytes = 4096;

bool IsSame(const ResourcePtr& a, const ResourcePtr& b) { return a == b || a->hash == b->hash; }

const ResourcePtr* Find(const Subscription::ByName& resources, const std::string& name) {
  const auto it = resources.find(name);
  return it == resources.end() ? nullptr : &it->second;
}

}  // namespace

Subscription::Subscription(compile::ResourceType type, const Limits& limits, bool implied_wildcard)
    : type_(type), limits_(limits), implied_wildcard_(implied_wildcard && IsWhole()) {}

Answer Subscription::OnRequest(const DiscoveryRequest& request, absl::Time now) {
  const Answer answer = NoteAnswer(request, now);
  // Of a stale request too: no answer to it would repeat the names.
  SetNames(request);
  return answer;
}

Answer Subscription::NoteAnswer(const DiscoveryRequest& request, absl::Time now) {
  const std::string& nonce = request.response_nonce();
  // A nonce before the first response is of an earlier stream.
  if (nonce.empty() || nonce_.empty()) return Answer::kNothing;
  if (nonce != nonce_) return Answer::kStale;
  if (!in_flight_.has_value()) return Answer::kNothing;  // answered before: only the names are new
  answered_names_.clear();
  for (const ResourcePtr& resource : in_flight_->resources) answered_names_.push_back(resource->name);
  // Only error_detail tells: a further name at an unchanged version looks like an ACK otherwise.
  if (request.has_error_detail()) {
    report_.rejected_version = in_flight_->version;
    report_.rejection = request.error_detail().message().substr(0, kMostRejectionBytes);
    if (report_.rejection.empty()) report_.rejection = "no reason given";
    report_.rejected_at = now;
    in_flight_.reset();
    return Answer::kNack;
  }
  NoteAccepted();
  return Answer::kAck;
}

void Subscription::NoteAccepted() {
  if (IsWhole()) accepted_.clear();
  for (const ResourcePtr& resource : in_flight_->resources) {
    // What it has unsubscribed meanwhile it does not keep.
    if (Wants(resource->name)) accepted_[resource->name] = resource;
  }
  report_.acked_version = in_flight_->version;
  report_.rejected_version.clear();
  report_.rejection.clear();
  report_.rejected_at = absl::InfinitePast();
  in_flight_.reset();
}

void Subscription::SetNames(const DiscoveryRequest& request) {
  std::set<std::string> names(request.resource_names().begin(), request.resource_names().end());
  const bool everything = names.erase(kEverything) != 0;
  named_ = named_ || everything || !names.empty();
  const bool wildcard = everything || (implied_wildcard_ && !named_);
  if (names.empty() && !wildcard) return Deactivate();
  if (active_ && names == names_ && wildcard == wildcard_) return;

  if (IsWhole()) {
    // Who names something new waits for it, also when it does not exist: then the answer says so by not having it.
    const bool more = !active_ || (wildcard && !wildcard_) ||
                      std::any_of(names.begin(), names.end(), [&](const std::string& name) { return !Wants(name); });
    must_answer_ = must_answer_ || more;
  }
  for (const std::string& name : names) {
    if (!active_ || !Wants(name)) asked_.insert(name);
  }
  active_ = true;
  wildcard_ = wildcard;
  names_ = std::move(names);
  // The client forgets what it no longer wants; should it come back, it must be sent again.
  const auto unwanted = [&](const auto& entry) { return !Wants(entry.first); };
  std::erase_if(sent_, unwanted);
  std::erase_if(accepted_, unwanted);
  std::erase_if(asked_, [&](const std::string& name) { return !Wants(name); });
  Refresh();
}

void Subscription::Deactivate() {
  active_ = wildcard_ = must_answer_ = false;
  names_.clear();
  kept_.clear();
  desired_.clear();
  pending_.clear();
  asked_.clear();
  again_.clear();
  oversized_.clear();
  sent_.clear();
  accepted_.clear();
}

void Subscription::SetTarget(std::shared_ptr<const compile::TypeConfig> target) {
  const bool changed = target_ == nullptr || target_->version != target->version;
  target_ = std::move(target);
  if (changed && active_) Refresh();
}

void Subscription::SetKept(std::vector<ResourcePtr> kept) {
  if (kept == kept_) return;
  kept_ = std::move(kept);
  if (active_) Refresh();
}

void Subscription::SendAgain(const std::vector<std::string>& names) {
  if (!active_) return;
  again_.insert(names.begin(), names.end());
  Refresh();
}

bool Subscription::Admit(const ResourcePtr& resource) {
  if (!Wants(resource->name)) return false;
  if (resource->any.size() <= limits_.response_bytes) return true;
  if (oversized_.empty()) {
    oversized_ = absl::StrCat(resource->name, ": was not sent: it has ", resource->any.size(),
                              " bytes, a response at most ", limits_.response_bytes);
  }
  return false;
}

void Subscription::Refresh() {
  if (target_ == nullptr) return;
  desired_.clear();
  oversized_.clear();
  for (const ResourcePtr& resource : target_->resources) {
    if (Admit(resource)) desired_.push_back(resource);
  }
  for (const ResourcePtr& resource : kept_) {
    if (Admit(resource)) desired_.push_back(resource);
  }
  std::sort(desired_.begin(), desired_.end(),
            [](const ResourcePtr& a, const ResourcePtr& b) { return a->name < b->name; });
  pending_.clear();
  std::set<std::string> there;
  for (const ResourcePtr& resource : desired_) {
    there.insert(resource->name);
    const ResourcePtr* sent = Find(sent_, resource->name);
    if (sent == nullptr || !IsSame(*sent, resource) || again_.count(resource->name) != 0)
      pending_.insert(resource->name);
  }
  for (auto it = sent_.begin(); it != sent_.end();) {
    if (there.count(it->first) != 0) {
      ++it;
    } else if (IsWhole()) {
      pending_.insert(it++->first);  // to be deleted
    } else {
      it = sent_.erase(it);  // cannot be deleted; should it come back, it is sent
    }
  }
}

bool Subscription::asked() const {
  return must_answer_ ||
         std::any_of(asked_.begin(), asked_.end(), [&](const auto& name) { return pending_.count(name) != 0; });
}

std::optional<Response> Subscription::Next(const std::string& nonce, bool only_asked, absl::Time now) {
  if (!active_ || target_ == nullptr || !pending()) return std::nullopt;
  Response response;
  response.type = type_;
  response.resources = IsWhole() ? TakeWhole() : TakeChanged(only_asked);
  if (response.resources.empty() && !IsWhole()) return std::nullopt;
  response.version = compile::VersionOf(desired_);
  response.nonce = nonce;
  nonce_ = nonce;
  answer_until_ = now + limits_.answer_deadline;
  in_flight_ = response;
  report_.sent_version = response.version;
  report_.resources = static_cast<int64_t>(response.resources.size());
  return response;
}

std::vector<ResourcePtr> Subscription::TakeWhole() {
  sent_.clear();
  for (const ResourcePtr& resource : desired_) {
    sent_[resource->name] = resource;
    asked_.erase(resource->name);
  }
  must_answer_ = false;
  pending_.clear();
  again_.clear();
  return desired_;
}

std::vector<ResourcePtr> Subscription::TakeChanged(bool only_asked) {
  std::vector<ResourcePtr> taken;
  size_t bytes = 0;
  for (const ResourcePtr& resource : desired_) {
    const std::string& name = resource->name;
    if (pending_.count(name) == 0 || (only_asked && asked_.count(name) == 0)) continue;
    bytes += resource->any.size();
    if (!taken.empty() && bytes > limits_.response_bytes) break;
    taken.push_back(resource);
    sent_[name] = resource;
    pending_.erase(name);
    asked_.erase(name);
    again_.erase(name);
  }
  return taken;
}

SubscriptionReport Subscription::Report() const {
  SubscriptionReport report = report_;
  report.active = active_;
  if (report.rejection.empty()) report.rejection = oversized_;
  report.in_step = active_ && target_ != nullptr && !pending() && !in_flight_.has_value() && report.rejection.empty();
  return report;
}

}  // namespace weft::control::serve
