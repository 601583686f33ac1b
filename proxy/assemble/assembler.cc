#include "proxy/assemble/assembler.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proxy/assemble/assembler_state.h"
#include "proxy/config/from_xds.h"
#include "proxy/telemetry/log.h"
#include "proxy/tls/context.h"

namespace weft::assemble {
namespace {

using discovery::ResourceType;

// The static resource of this name, as the bootstrap has it.
template <class Messages>
std::string BytesOf(const Messages& messages, const std::string& name) {
  for (const auto& message : messages) {
    if (message.name() == name) return message.SerializeAsString();
  }
  return {};
}

void LogProblems(const std::vector<std::string>& problems) {
  for (const std::string& problem : problems) {
    telemetry::Log(telemetry::Component::kConfig, telemetry::LogLevel::kWarning, telemetry::Printable(problem, 2048));
  }
}

}  // namespace

absl::Status Assembler::State::Start(config::BootstrapSpec bootstrap) {
  bootstrap_ = std::move(bootstrap);
  std::vector<std::string> problems;
  const auto note = [&](std::string_view kind, const std::string& name, const absl::Status& status) {
    if (!status.ok()) problems.push_back(absl::StrCat(std::string(kind), " ", name, ": ", status.message()));
  };
  const auto& resources = bootstrap_.proto.static_resources();
  for (const config::SecretSpec& secret : bootstrap_.secrets) {
    if (IsOurs(secret.name)) continue;  // the identity stands for it
    note("secret", secret.name, secrets_.Set(secret));
    secret_shelf_.AddStatic(secret.name, BytesOf(resources.secrets(), secret.name),
                            std::make_shared<const config::SecretSpec>(secret), Now());
  }
  for (const config::ClusterSpec& cluster : bootstrap_.clusters) {
    note("cluster", cluster.name, clusters_.AddStatic(cluster, BytesOf(resources.clusters(), cluster.name), Now()));
  }
  for (const config::ListenerSpec& listener : bootstrap_.listeners) {
    note("listener", listener.name,
         listeners_.AddStatic(listener, BytesOf(resources.listeners(), listener.name), Now()));
  }
  endpoints_deadline_ = deps_.reactor.now() + options_.warming_limit;
  if (!problems.empty()) return absl::InvalidArgumentError(absl::StrJoin(problems, "\n"));
  UpdateWanted();
  ArmFileCheck();
  deps_.reactor.timers().Arm(&ticket_rotation_, deps_.reactor.now() + tls::kTicketKeyRotation);
  Schedule();
  return absl::OkStatus();
}

void Assembler::State::TellIgnored(const std::string& line) {
  telemetry::Log(telemetry::Component::kConfig, telemetry::LogLevel::kInfo, telemetry::Printable(line, 2048));
}

bool Assembler::State::IsOurs(const std::string& secret) const {
  return (options_.has_identity || has_identity_now_) && (secret == kIdentitySecret || secret == kRootsSecret);
}

absl::Status Assembler::State::SetIdentity(config::CertificateSpec certificate, config::ValidationSpec roots) {
  config::SecretSpec own, trusted;
  own.name = kIdentitySecret;
  own.certificate = std::move(certificate);
  trusted.name = kRootsSecret;
  trusted.validation = std::move(roots);
  if (absl::Status status = secrets_.Check(trusted); !status.ok()) return status;
  if (absl::Status status = secrets_.Set(own); !status.ok()) return status;
  if (absl::Status status = secrets_.Set(trusted); !status.ok()) return status;
  has_identity_now_ = true;
  changed_keys_.insert(SecretKey(kIdentitySecret));
  changed_keys_.insert(SecretKey(kRootsSecret));
  UpdateWanted();
  Schedule();
  return absl::OkStatus();
}

std::vector<discovery::Rejection> Assembler::State::Apply(const discovery::Update& update) {
  TypeFacts& facts = facts_[static_cast<size_t>(update.type)];
  facts.version = update.version;
  facts.last_update_micros = Now();
  facts.received = true;
  ++facts.updates;
  std::vector<discovery::Rejection> rejections = Dispatch(update);
  facts.rejections += rejections.size();
  if (discovery::IsWildcard(update.type)) UpdateWanted();  // only these refer to others
  Schedule();
  return rejections;
}

std::vector<discovery::Rejection> Assembler::State::Dispatch(const discovery::Update& update) {
  switch (update.type) {
    case ResourceType::kCluster:
      endpoints_deadline_ = deps_.reactor.now() + options_.warming_limit;
      return clusters_.ApplyClusters(update, Now());
    case ResourceType::kEndpoint: return clusters_.ApplyEndpoints(update, Now());
    case ResourceType::kListener: return listeners_.ApplyListeners(update, Now());
    case ResourceType::kRoute: return listeners_.ApplyRoutes(update, Now());
    case ResourceType::kSecret: return ApplySecrets(update);
  }
  return {};
}

absl::StatusOr<std::shared_ptr<const config::SecretSpec>> Assembler::State::ConvertSecret(
    const SecretMessage& message) {
  config::Findings findings;
  auto secret = std::make_shared<const config::SecretSpec>(config::SecretFromXds(message, &findings));
  if (!findings.ok()) return absl::InvalidArgumentError(findings.ToString());
  if (absl::Status status = secrets_.Set(*secret); !status.ok()) return status;
  ignored_.Take(ResourceType::kSecret, message.name(), findings.notes);
  return secret;
}

std::vector<discovery::Rejection> Assembler::State::ApplySecrets(const discovery::Update& update) {
  const std::vector<std::string>& names = wanted(ResourceType::kSecret);
  Names changed;
  auto rejections = secret_shelf_.Apply(
      update, Now(), [&](const std::string& name) { return std::binary_search(names.begin(), names.end(), name); },
      &changed);
  for (const std::string& name : changed) changed_keys_.insert(SecretKey(name));
  return rejections;
}

// Publishes when something is another object now.
void Assembler::State::Flush() {
  turn_.Unlink();
  end_of_turn_.Unlink();
  std::vector<std::string> problems;
  const Keys keys = std::exchange(changed_keys_, {});
  const bool clusters = clusters_.Rebuild(keys, &problems);
  const bool listeners = listeners_.Rebuild(keys, clusters_.built(), deps_.reactor.now(), &problems);
  LogProblems(problems);
  if (const runtime::TimePoint next = listeners_.NextDeadline(); next != runtime::kNever) {
    deps_.reactor.timers().Arm(&warming_, next);
  } else {
    warming_.Cancel();
  }
  if (listeners) UpdateWanted();  // one that waited no longer asks for the routes of its earlier version
  if (std::exchange(wanted_is_new_, false)) DropUnwanted();
  if (std::string revision = Revision();
      snapshot_ == nullptr || clusters || listeners || revision != snapshot_->revision) {
    auto next = std::make_shared<config::Snapshot>();
    next->generation = snapshot_ == nullptr ? 1 : snapshot_->generation + 1;
    next->revision = std::move(revision);
    next->clusters = clusters_.built();
    next->listeners = listeners_.built();
    snapshot_ = std::move(next);
    contexts_.Sweep();
    deps_.registry.Sweep();
    publish_(snapshot_);
  }
}

std::string Assembler::State::Revision() const {
  const std::string& clusters = facts_[static_cast<size_t>(ResourceType::kCluster)].version;
  const std::string& listeners = facts_[static_cast<size_t>(ResourceType::kListener)].version;
  if (clusters == listeners || listeners.empty()) return clusters;
  return clusters.empty() ? listeners : absl::StrCat(clusters, "/", listeners);
}

void Assembler::State::UpdateWanted() {
  Keys keys;
  clusters_.AddSecretKeys(&keys);
  listeners_.AddSecretKeys(&keys);
  const std::string prefix = SecretKey("");
  Names secrets;
  for (const std::string& key : keys) {
    if (!key.starts_with(prefix)) continue;
    const std::string name = key.substr(prefix.size());
    const auto held = secret_shelf_.held().find(name);
    const bool is_static = held != secret_shelf_.held().end() && held->second.is_static;
    if (!is_static && !IsOurs(name)) secrets.insert(name);
  }
  bool changed = false;
  const auto update = [&](ResourceType type, const Names& names) {
    std::vector<std::string> sorted(names.begin(), names.end());
    std::vector<std::string>& before = wanted_[static_cast<size_t>(type)];
    if (before == sorted) return;
    before = std::move(sorted);
    changed = true;
  };
  update(ResourceType::kEndpoint, clusters_.WantedEndpoints());
  update(ResourceType::kRoute, listeners_.WantedRoutes());
  update(ResourceType::kSecret, secrets);
  if (!changed) return;
  wanted_is_new_ = true;
  wanted_changed_();
}

void Assembler::State::DropUnwanted() {
  clusters_.DropUnwanted();
  listeners_.DropUnwanted();
  const std::vector<std::string>& names = wanted(ResourceType::kSecret);
  secret_shelf_.RemoveIf([&](const std::string& name) {
    if (std::binary_search(names.begin(), names.end(), name)) return false;
    if (!IsOurs(name)) secrets_.Remove(name);
    return true;
  });
}

void Assembler::State::CheckFiles() {
  Keys changed = secrets_.CheckFiles();
  if (!changed.empty()) {
    changed_keys_.merge(changed);
    Schedule();
  }
  ArmFileCheck();
}

// Session tickets are sealed with keys of the process' own, where the configuration gives none.
void Assembler::State::RotateTicketKeys() {
  tls::RotateTicketKeys();
  deps_.reactor.timers().Arm(&ticket_rotation_, deps_.reactor.now() + tls::kTicketKeyRotation);
}

void Assembler::State::ArmFileCheck() {
  if (options_.file_check <= runtime::Duration::zero()) return;
  deps_.reactor.timers().Arm(&file_check_, deps_.reactor.now() + options_.file_check);
}

Assembler::Assembler(AssemblerDeps deps, AssemblerOptions options, Publish publish)
    : state_(std::make_unique<State>(deps, options, std::move(publish), [this] { WantedChanged(); })) {}
Assembler::~Assembler() = default;

absl::Status Assembler::Start(config::BootstrapSpec bootstrap) { return state_->Start(std::move(bootstrap)); }
absl::Status Assembler::SetIdentity(config::CertificateSpec certificate, config::ValidationSpec roots) {
  return state_->SetIdentity(std::move(certificate), std::move(roots));
}
std::vector<discovery::Rejection> Assembler::Apply(const discovery::Update& update) { return state_->Apply(update); }
std::vector<std::string> Assembler::WantedNames(ResourceType type) const { return state_->wanted(type); }
void Assembler::Flush() { state_->Flush(); }
const std::shared_ptr<const config::Snapshot>& Assembler::snapshot() const { return state_->snapshot(); }
const config::BootstrapSpec& Assembler::bootstrap() const { return state_->bootstrap(); }
Readiness Assembler::readiness() const { return state_->readiness(); }
TypeFacts Assembler::facts(ResourceType type) const { return state_->facts(type); }
std::vector<CertificateFact> Assembler::certificates() const { return state_->certificates(); }
std::vector<ResourceDump> Assembler::Dump(ResourceType type) const { return state_->Dump(type); }
absl::StatusOr<std::optional<config::UpstreamTlsSpec>> Assembler::ClientTls(std::string_view cluster) const {
  return state_->ClientTls(std::string(cluster));
}

}  // namespace weft::assemble
