#include "proxy/assemble/clusters.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proxy/config/from_xds.h"
#include "proxy/telemetry/log.h"

namespace weft::assemble {
namespace {

using discovery::ResourceType;

const std::string& ClusterName(const envoy::config::cluster::v3::Cluster& message) { return message.name(); }
const std::string& AssignmentName(const envoy::config::endpoint::v3::ClusterLoadAssignment& message) {
  return message.cluster_name();
}

resolve::DnsFamily FamilyOf(const config::ClusterSpec& spec) {
  switch (spec.dns_family) {
    case config::ClusterSpec::DnsFamily::kAuto: return resolve::DnsFamily::kAuto;
    case config::ClusterSpec::DnsFamily::kV4Only: return resolve::DnsFamily::kV4Only;
    case config::ClusterSpec::DnsFamily::kV6Only: return resolve::DnsFamily::kV6Only;
    case config::ClusterSpec::DnsFamily::kV4Preferred: return resolve::DnsFamily::kV4Preferred;
    case config::ClusterSpec::DnsFamily::kAll: break;
  }
  return resolve::DnsFamily::kAll;
}

}  // namespace

Clusters::Clusters(resolve::Resolver& resolver, endpoint::Registry& registry, Secrets& secrets, TlsContexts& contexts,
                   IgnoredFields& ignored, std::function<void()> changed)
    : resolver_(resolver),
      registry_(registry),
      secrets_(secrets),
      contexts_(contexts),
      ignored_(ignored),
      changed_(std::move(changed)),
      clusters_(ResourceType::kCluster, &ClusterName, [this](const auto& message) { return Convert(message); }),
      endpoints_(ResourceType::kEndpoint, &AssignmentName,
                 [this](const auto& message) { return ConvertEndpoints(message); }) {}

absl::StatusOr<std::shared_ptr<const config::ClusterSpec>> Clusters::Convert(
    const envoy::config::cluster::v3::Cluster& message) {
  config::Findings findings;
  auto spec = std::make_shared<const config::ClusterSpec>(config::ClusterFromXds(message, &findings));
  if (!findings.ok()) return absl::InvalidArgumentError(findings.ToString());
  // What the settings alone do not show: a cipher that does not exist, a file that is not there.
  auto transports = CompileTransports(*spec, contexts_);
  if (!transports.ok()) return transports.status();
  ignored_.Take(ResourceType::kCluster, message.name(), findings.notes);
  return spec;
}

absl::StatusOr<std::shared_ptr<const config::EndpointsSpec>> Clusters::ConvertEndpoints(
    const envoy::config::endpoint::v3::ClusterLoadAssignment& message) {
  config::Findings findings;
  auto spec = std::make_shared<const config::EndpointsSpec>(config::EndpointsFromXds(message, &findings));
  if (!findings.ok()) return absl::InvalidArgumentError(findings.ToString());
  ignored_.Take(ResourceType::kEndpoint, message.cluster_name(), findings.notes);
  return spec;
}

absl::Status Clusters::AddStatic(const config::ClusterSpec& spec, std::string bytes, int64_t now_micros) {
  auto transports = CompileTransports(spec, contexts_);
  if (!transports.ok()) return transports.status();
  if (!clusters_.AddStatic(spec.name, std::move(bytes), std::make_shared<const config::ClusterSpec>(spec),
                           now_micros)) {
    return absl::InvalidArgumentError("name: stands twice");
  }
  changed_clusters_.insert(spec.name);
  return absl::OkStatus();
}

std::vector<discovery::Rejection> Clusters::ApplyClusters(const discovery::Update& update, int64_t now_micros) {
  return clusters_.Apply(update, now_micros, [](const std::string&) { return true; }, &changed_clusters_);
}

std::vector<discovery::Rejection> Clusters::ApplyEndpoints(const discovery::Update& update, int64_t now_micros) {
  const Names wanted = WantedEndpoints();
  return endpoints_.Apply(
      update, now_micros, [&](const std::string& name) { return wanted.contains(name); }, &changed_endpoints_);
}

const std::string& Clusters::EndpointsName(const config::ClusterSpec& spec) {
  return spec.eds_service_name.empty() ? spec.name : spec.eds_service_name;
}

Names Clusters::WantedEndpoints() const {
  Names names;
  for (const auto& [name, held] : clusters_.held()) {
    if (held.plan != nullptr && held.plan->discovery == config::Discovery::kEds)
      names.insert(EndpointsName(*held.plan));
  }
  return names;
}

void Clusters::AddSecretKeys(Keys* keys) const {
  for (const auto& [name, held] : clusters_.held()) {
    if (held.plan == nullptr) continue;
    if (held.plan->tls) AddKeys(held.plan->tls->common, keys);
    for (const config::TransportMatchSpec& match : held.plan->transport_matches) {
      if (match.tls) AddKeys(match.tls->common, keys);
    }
  }
}

void Clusters::DropUnwanted() {
  const Names wanted = WantedEndpoints();
  endpoints_.RemoveIf([&](const std::string& name) { return !wanted.contains(name); });
}

void Clusters::TakeSpec(const std::string& name, std::shared_ptr<const config::ClusterSpec> spec) {
  Record& record = records_[name];
  record.spec = std::move(spec);
  record.transports.reset();
  WatchNames(name, &record);
  dirty_.insert(name);
}

// A name that is watched already with the same settings goes on; a cluster's family and refresh are those of all its
// names.
void Clusters::WatchNames(const std::string& name, Record* record) {
  std::map<std::string, std::unique_ptr<resolve::Watch>> watches;
  DnsAnswers answers;
  const config::ClusterSpec& spec = *record->spec;
  if (spec.discovery == config::Discovery::kStrictDns) {
    for (const config::HostSpec& host : spec.hosts) {
      const std::string key = absl::StrCat(host.hostname, " ", static_cast<int>(spec.dns_family), " ",
                                           spec.dns_refresh.count(), " ", spec.respect_dns_ttl);
      if (watches.contains(key)) continue;
      if (auto known = record->answers.find(host.hostname); known != record->answers.end()) answers.insert(*known);
      if (auto old = record->watches.extract(key); !old.empty()) {
        watches.insert(std::move(old));
        continue;
      }
      auto on_answer = [this, name, hostname = host.hostname](const resolve::Answer& answer) {
        if (!answer.error.empty())
          telemetry::Log(telemetry::Component::kDns, telemetry::LogLevel::kWarning, answer.error);
        records_.at(name).answers[hostname] = answer;  // the watch ends with its record
        dirty_.insert(name);
        changed_();
      };
      watches[key] =
          resolver_.StartWatch({host.hostname, FamilyOf(spec), spec.dns_refresh, spec.respect_dns_ttl}, on_answer);
    }
  }
  record->watches = std::move(watches);
  record->answers = std::move(answers);
}

bool Clusters::Uses(const Record& record, const Keys& keys) const {
  return std::any_of(record.keys.begin(), record.keys.end(),
                     [&](const std::string& key) { return keys.contains(key); });
}

bool Clusters::Rebuild(const Keys& keys, std::vector<std::string>* problems) {
  bool changed = false;
  for (const std::string& name : std::exchange(changed_clusters_, {})) {
    if (auto spec = clusters_.Get(name)) {
      TakeSpec(name, std::move(spec));
    } else {
      records_.erase(name);
      dirty_.erase(name);
      changed |= built_.erase(name) > 0;
    }
  }
  const Names endpoints = std::exchange(changed_endpoints_, {});
  const Names dirty = std::exchange(dirty_, {});
  for (auto& [name, record] : records_) {
    const bool secrets_changed = !keys.empty() && Uses(record, keys);
    const bool members_changed = record.spec->discovery == config::Discovery::kEds && !endpoints.empty() &&
                                 endpoints.contains(EndpointsName(*record.spec));
    if (secrets_changed) record.transports.reset();
    if (secrets_changed || members_changed || dirty.contains(name)) changed |= RebuildOne(name, &record, problems);
  }
  return changed;
}

bool Clusters::RebuildOne(const std::string& name, Record* record, std::vector<std::string>* problems) {
  const config::ClusterSpec& spec = *record->spec;
  if (!record->transports) {
    record->keys.clear();
    const auto add = [&](const std::optional<config::UpstreamTlsSpec>& tls) {
      if (tls) record->keys.merge(secrets_.KeysOf(tls->common));
    };
    add(spec.tls);
    for (const config::TransportMatchSpec& match : spec.transport_matches) add(match.tls);
    auto transports = CompileTransports(spec, contexts_);
    if (!transports.ok()) {
      problems->push_back(absl::StrCat("cluster ", name, ": ", transports.status().message()));
      if (built_.contains(name)) return false;
      transports = Transports();  // nothing is known to be usable
      transports->own.usable = false;
      transports->matches.resize(spec.transport_matches.size(), transports->own);
    }
    record->transports = *std::move(transports);
  }
  const config::EndpointsSpec* endpoints =
      spec.discovery == config::Discovery::kEds ? endpoints_.Find(EndpointsName(spec)) : nullptr;
  auto cluster = BuildCluster(spec, *record->transports, endpoints, record->answers, registry_);
  auto& slot = built_[name];
  if (!cluster->ready && slot != nullptr && slot->ready) return false;  // the earlier one serves until this one can
  slot = std::move(cluster);
  return true;
}

std::vector<std::string> Clusters::WaitingFor() const {
  std::vector<std::string> waiting;
  for (const auto& [name, record] : records_) {
    const auto found = built_.find(name);
    if (found == built_.end() || found->second->ready) continue;
    if (record.transports && !record.transports->missing.empty()) {
      waiting.push_back(absl::StrCat("secret ", absl::StrJoin(record.transports->missing, ", "), " of cluster ", name));
    } else {
      waiting.push_back(absl::StrCat(
          record.spec->discovery == config::Discovery::kStrictDns ? "addresses" : "endpoints", " of cluster ", name));
    }
  }
  return waiting;
}

}  // namespace weft::assemble
