#include "proxy/assemble/listeners.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proxy/config/from_xds.h"

namespace weft::assemble {
namespace {

using discovery::ResourceType;

const std::string& ListenerName(const envoy::config::listener::v3::Listener& message) { return message.name(); }
const std::string& RoutesName(const envoy::config::route::v3::RouteConfiguration& message) { return message.name(); }

std::string ChainField(const ListenerPlan& plan, size_t index) {
  if (plan.has_default && index + 1 == plan.chains.size()) return "default_filter_chain";
  return absl::StrCat("filter_chains[", index, "]");
}

void AddRouteNames(const ListenerPlan* plan, Names* names) {
  if (plan == nullptr) return;
  for (const ChainPlan& chain : plan->chains) {
    if (std::string name = chain.rds_name(); !name.empty()) names->insert(std::move(name));
  }
}

}  // namespace

Listeners::Listeners(Secrets& secrets, TlsContexts& contexts, IgnoredFields& ignored, runtime::Duration warming_limit)
    : secrets_(secrets),
      contexts_(contexts),
      ignored_(ignored),
      warming_limit_(warming_limit),
      listeners_(ResourceType::kListener, &ListenerName, [this](const auto& message) { return Convert(message); }),
      routes_(ResourceType::kRoute, &RoutesName, [this](const auto& message) { return ConvertRoutes(message); }) {}

absl::StatusOr<std::shared_ptr<const ListenerPlan>> Listeners::Convert(
    const envoy::config::listener::v3::Listener& message) {
  config::Findings findings;
  config::ListenerSpec spec = config::ListenerFromXds(message, &findings);
  if (!findings.ok()) return absl::InvalidArgumentError(findings.ToString());
  auto plan = MakeListenerPlan(std::move(spec));
  if (!plan.ok()) return plan.status();
  if (absl::Status status = CheckTls(**plan); !status.ok()) return status;
  ignored_.Take(ResourceType::kListener, message.name(), findings.notes);
  return plan;
}

absl::StatusOr<std::shared_ptr<const RoutePlan>> Listeners::ConvertRoutes(
    const envoy::config::route::v3::RouteConfiguration& message) {
  config::Findings findings;
  const config::RouteTableSpec spec = config::RoutesFromXds(message, &findings);
  if (!findings.ok()) return absl::InvalidArgumentError(findings.ToString());
  auto plan = MakeRoutePlan(spec);
  if (plan.ok()) ignored_.Take(ResourceType::kRoute, message.name(), findings.notes);
  return plan;
}

// What the settings alone do not show: a cipher that does not exist, a file that is not there.
absl::Status Listeners::CheckTls(const ListenerPlan& plan) {
  for (size_t i = 0; i < plan.chains.size(); ++i) {
    if (!plan.chains[i].spec.tls) continue;
    auto compiled = contexts_.Server(*plan.chains[i].spec.tls);
    if (compiled.ok()) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        ChainField(plan, i), ".transport_socket.typed_config.common_tls_context: ", compiled.status().message()));
  }
  return absl::OkStatus();
}

absl::Status Listeners::AddStatic(const config::ListenerSpec& spec, std::string bytes, int64_t now_micros) {
  auto plan = MakeListenerPlan(spec);
  if (!plan.ok()) return plan.status();
  if (absl::Status status = CheckTls(**plan); !status.ok()) return status;
  if (!listeners_.AddStatic(spec.name, std::move(bytes), *std::move(plan), now_micros)) {
    return absl::InvalidArgumentError("name: stands twice");
  }
  changed_listeners_.insert(spec.name);
  return absl::OkStatus();
}

std::vector<discovery::Rejection> Listeners::ApplyListeners(const discovery::Update& update, int64_t now_micros) {
  return listeners_.Apply(update, now_micros, [](const std::string&) { return true; }, &changed_listeners_);
}

std::vector<discovery::Rejection> Listeners::ApplyRoutes(const discovery::Update& update, int64_t now_micros) {
  const Names wanted = WantedRoutes();
  return routes_.Apply(
      update, now_micros, [&](const std::string& name) { return wanted.contains(name); }, &changed_routes_);
}

// Those of a listener that is still in force, too, until its next version takes over.
Names Listeners::WantedRoutes() const {
  Names names;
  for (const auto& [name, held] : listeners_.held()) AddRouteNames(held.plan.get(), &names);
  for (const auto& [name, record] : records_) {
    if (record.in_force.plan.get() != listeners_.Find(name)) AddRouteNames(record.in_force.plan.get(), &names);
  }
  return names;
}

void Listeners::AddSecretKeys(Keys* keys) const {
  for (const auto& [name, held] : listeners_.held()) {
    if (held.plan == nullptr) continue;
    for (const ChainPlan& chain : held.plan->chains) {
      if (chain.spec.tls) AddKeys(chain.spec.tls->common, keys);
    }
  }
}

void Listeners::DropUnwanted() {
  const Names wanted = WantedRoutes();
  routes_.RemoveIf([&](const std::string& name) { return !wanted.contains(name); });
}

std::string Listeners::MissingRoutes(const ListenerPlan& plan) const {
  for (const ChainPlan& chain : plan.chains) {
    const std::string name = chain.rds_name();
    if (!name.empty() && routes_.Find(name) == nullptr) return name;
  }
  return {};
}

bool Listeners::Uses(const ListenerPlan& plan, const Keys& keys, const Names& routes) const {
  return std::any_of(plan.chains.begin(), plan.chains.end(), [&](const ChainPlan& chain) {
    if (!routes.empty() && routes.contains(chain.rds_name())) return true;
    if (keys.empty() || !chain.spec.tls) return false;
    const Keys uses = secrets_.KeysOf(chain.spec.tls->common);
    return std::any_of(uses.begin(), uses.end(), [&](const std::string& key) { return keys.contains(key); });
  });
}

// Some chain sends its connections to where they were going.
bool Listeners::Loops(const ListenerPlan& plan, const Names& original_destinations) const {
  if (original_destinations.empty()) return false;
  const auto sends_there = [&](const auto& targets) {
    return std::any_of(original_destinations.begin(), original_destinations.end(), targets);
  };
  return std::any_of(plan.chains.begin(), plan.chains.end(), [&](const ChainPlan& chain) {
    if (chain.spec.tcp) {
      const auto& clusters = chain.spec.tcp->clusters;
      return std::any_of(clusters.begin(), clusters.end(),
                         [&](const auto& c) { return original_destinations.contains(c.name); });
    }
    const RoutePlan* routes = chain.inlined != nullptr ? chain.inlined.get() : routes_.Find(chain.rds_name());
    return routes != nullptr && sends_there([&](const std::string& name) { return routes->targets.contains(name); });
  });
}

bool Listeners::Rebuild(const Keys& keys, const base::StringMap<std::shared_ptr<const config::Cluster>>& clusters,
                        runtime::TimePoint now, std::vector<std::string>* problems) {
  bool changed = false;
  const Names listeners = std::exchange(changed_listeners_, {});
  const Names routes = std::exchange(changed_routes_, {});
  for (const std::string& name : listeners) {
    if (auto plan = listeners_.Get(name)) {
      Record& record = records_[name];
      record.plan = std::move(plan);
      record.deadline = now + warming_limit_;
    } else {
      records_.erase(name);
      changed |= built_.erase(name) > 0;
    }
  }
  Names original_destinations;
  for (const auto& [name, cluster] : clusters) {
    if (cluster->spec.discovery == config::Discovery::kOriginalDst) original_destinations.insert(name);
  }
  for (auto& [name, record] : records_) {
    const bool looks_different =
        record.in_force.listener != nullptr && record.in_force.plan == record.plan &&
        record.in_force.listener->loops_without_redirect != Loops(*record.plan, original_destinations);
    if (listeners.contains(name) || looks_different || (record.waits && now >= record.deadline) ||
        Uses(*record.plan, keys, routes) ||
        (record.waits && record.in_force.plan != nullptr && Uses(*record.in_force.plan, keys, routes))) {
      changed |= RebuildOne(name, &record, original_destinations, now, problems);
    }
  }
  return changed;
}

bool Listeners::RebuildOne(const std::string& name, Record* record, const Names& original_destinations,
                           runtime::TimePoint now, std::vector<std::string>* problems) {
  const std::string missing = MissingRoutes(*record->plan);
  const bool late = now >= record->deadline;
  record->waits = !missing.empty() && !late;
  // The earlier version goes on meanwhile, with news of its own routes and certificates.
  const std::shared_ptr<const ListenerPlan> plan = record->waits ? record->in_force.plan : record->plan;
  if (plan == nullptr) return false;
  if (!missing.empty() && late)
    problems->push_back(absl::StrCat("listener ", name, ": the routes ", missing, " have not come in time"));
  std::vector<std::string> found;
  record->in_force.listener =
      BuildListener(plan, record->in_force, routes_, contexts_, Loops(*plan, original_destinations), &found);
  record->in_force.plan = plan;
  for (const std::string& problem : found) problems->push_back(absl::StrCat("listener ", name, ": ", problem));
  built_[name] = record->in_force.listener;
  return true;
}

bool Listeners::IsWarming(const std::string& name) const {
  const auto found = records_.find(name);
  return found != records_.end() && found->second.waits;
}

runtime::TimePoint Listeners::NextDeadline() const {
  runtime::TimePoint next = runtime::kNever;
  for (const auto& [name, record] : records_) {
    if (record.waits) next = std::min(next, record.deadline);
  }
  return next;
}

std::vector<std::string> Listeners::WaitingFor(runtime::TimePoint now) const {
  std::vector<std::string> waiting;
  for (const auto& [name, record] : records_) {
    if (now >= record.deadline) continue;  // one resource that never comes does not keep all others from being used
    if (const std::string missing = MissingRoutes(*record.plan); !missing.empty()) {
      waiting.push_back(absl::StrCat("routes ", missing, " of listener ", name));
    }
    for (const ChainPlan& chain : record.plan->chains) {
      if (!chain.spec.tls) continue;
      config::CommonTlsSpec tls = chain.spec.tls->common;
      std::vector<std::string> missing;
      if (!secrets_.Fill(&tls, &missing).ok() || missing.empty()) continue;
      waiting.push_back(absl::StrCat("secret ", missing.front(), " of listener ", name));
    }
  }
  return waiting;
}

}  // namespace weft::assemble
