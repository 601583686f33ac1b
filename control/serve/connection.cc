#include "control/serve/connection.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace weft::control::serve {
namespace {

using compile::ResourceType;

constexpr size_t kMostIdBytes = 256;
// What a gRPC client takes when nobody told it otherwise. Envoy and weft-proxy take more.
constexpr int64_t kCommonMessageBytes = 4 << 20;

void FillTime(absl::Time from, google::protobuf::Timestamp* to) {
  const int64_t nanos = absl::ToUnixNanos(from);
  to->set_seconds(nanos / 1'000'000'000);
  to->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
}

void FillType(ResourceType type, const SubscriptionReport& report, weft::v1::ProxyInfo* info) {
  weft::v1::ProxyInfo::Type* to = info->add_types();
  to->set_type_url(std::string(compile::TypeUrl(type)));
  to->set_sent_version(report.sent_version);
  to->set_acked_version(report.acked_version);
  to->set_resources(static_cast<int32_t>(report.resources));
  to->set_in_step(report.in_step);
  to->set_rejected_version(report.rejected_version);
  to->set_rejection(report.rejection);
  if (report.rejected_at != absl::InfinitePast()) FillTime(report.rejected_at, to->mutable_rejected_at());
}

std::string VersionOf(const envoy::config::core::v3::Node& node) {
  if (!node.user_agent_version().empty()) return absl::StrCat(node.user_agent_name(), " ", node.user_agent_version());
  const auto& version = node.user_agent_build_version().version();
  if (!node.has_user_agent_build_version()) return node.user_agent_name();
  return absl::StrCat(node.user_agent_name(), " ", version.major_number(), ".", version.minor_number(), ".",
                      version.patch());
}

}  // namespace

std::string ProxyIdOf(const std::string& node_id) {
  const std::vector<std::string> parts = absl::StrSplit(node_id, '~');
  return (parts.size() == 4 && !parts[2].empty() ? parts[2] : node_id).substr(0, kMostIdBytes);
}

bool IsExpired(const Peer& peer, absl::Time now) {
  return peer.certificate.has_value() && now >= peer.certificate->not_after;
}

Connection::Connection(const Surroundings& surroundings, Traffic& traffic, Peer peer, Writer& writer)
    : surroundings_(surroundings),
      traffic_(traffic),
      peer_(std::move(peer)),
      since_(surroundings.now()),
      state_(surroundings.limits),
      writer_(writer) {}

absl::Status Connection::Admit() {
  id_ = ProxyIdOf(state_.node().id());
  if (!peer_.secure) {
    identity_ = compile::ClaimedIdentity(state_.node().id(), state_.node().metadata());
    return absl::OkStatus();
  }
  if (peer_.uri.empty()) {
    return absl::UnauthenticatedError(
        "a client certificate with a SPIFFE id is wanted here; a join token gets one by CreateCertificate");
  }
  absl::StatusOr<compile::ProxyIdentity> identity =
      compile::VerifiedIdentity(peer_.uri, surroundings_.trust_domain, state_.node().metadata());
  if (!identity.ok()) return absl::PermissionDeniedError(identity.status().message());
  // Nobody stands in the lists under a name of another namespace, or in front of who has it.
  if (const std::string suffix = "." + identity->ns; !absl::EndsWith(id_, suffix)) id_ += suffix;
  identity_ = *std::move(identity);
  return absl::OkStatus();
}

bool Connection::OnRequest(const DiscoveryRequest& request) {
  absl::MutexLock lock(&mutex_);
  EndIfExpired();
  if (closed_) return false;
  absl::StatusOr<Reaction> reaction = state_.OnRequest(request, surroundings_.now());
  if (!reaction.ok()) {
    CloseLocked(reaction.status());
    return false;
  }
  const bool first = !std::exchange(admitted_, true);
  if (first) {
    if (absl::Status admitted = Admit(); !admitted.ok()) {
      CloseLocked(admitted);
      return false;
    }
    Note(Event::kStream, false,
         absl::StrCat("proxy ", id_, " connected from ", peer_.address,
                      peer_.secure ? " as " + peer_.uri : std::string(" without a certificate")));
  }
  NoteNack(*reaction);
  Advance();
  return first;
}

void Connection::NoteNack(const Reaction& reaction) {
  if (reaction.answer != Answer::kNack) return;
  traffic_.nacks[static_cast<size_t>(*reaction.type)].fetch_add(1, std::memory_order_relaxed);
  const SubscriptionReport report = state_.Report(*reaction.type);
  Note(Event::kRejection, true,
       absl::StrCat("proxy ", id_, " rejected ", std::string(compile::ShortName(*reaction.type)), " version ",
                    report.rejected_version, ": ", reaction.error));
}

void Connection::Note(Event event, bool is_problem, const std::string& text) {
  traffic_.events.Note(event, peer_.who(), is_problem, text, surroundings_.log, surroundings_.now());
}

// A proxy has moved to a stream of its newer certificate long before; what is left here may not stay.
void Connection::EndIfExpired() {
  if (closed_ || !IsExpired(peer_, surroundings_.now())) return;
  CloseLocked(absl::UnauthenticatedError(
      absl::StrCat("the client certificate ended at ",
                   absl::FormatTime(absl::RFC3339_sec, peer_.certificate->not_after, absl::UTCTimeZone()),
                   "; connect again with a newer one")));
}

void Connection::NoteSize(const Response& response) {
  int64_t bytes = 0;
  for (const compile::ResourcePtr& resource : response.resources) bytes += static_cast<int64_t>(resource->any.size());
  std::atomic<int64_t>& largest = traffic_.largest[static_cast<size_t>(response.type)];
  for (int64_t before = largest.load(); before < bytes && !largest.compare_exchange_weak(before, bytes);) {
  }
  if (bytes <= kCommonMessageBytes) return;
  Note(Event::kLargeResponse, true,
       absl::StrCat(std::string(compile::ShortName(response.type)), " for proxy ", id_, " has ", bytes, " bytes in ",
                    response.resources.size(), " resources; a gRPC client takes 4 MiB unless it is told otherwise"));
}

void Connection::OnWritten() {
  absl::MutexLock lock(&mutex_);
  writing_ = false;
  Advance();
}

void Connection::SetConfig(std::shared_ptr<const compile::ProxyConfig> config) {
  absl::MutexLock lock(&mutex_);
  if (closed_ || state_.config() == config) return;
  state_.SetConfig(std::move(config));
  Advance();
}

void Connection::OnTime() {
  absl::MutexLock lock(&mutex_);
  EndIfExpired();
  Advance();
}

void Connection::Advance() {
  if (writing_ || closed_) return;
  std::optional<Response> response = state_.Next(surroundings_.now());
  if (!response.has_value()) return;
  writing_ = true;
  traffic_.pushes[static_cast<size_t>(response->type)].fetch_add(1, std::memory_order_relaxed);
  NoteSize(*response);
  writer_.Write(*response);
}

void Connection::Close(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  CloseLocked(status);
}

void Connection::CloseLocked(const absl::Status& status) {
  if (std::exchange(closed_, true)) return;
  if (!status.ok()) {
    Note(Event::kStreamRefused, true,
         absl::StrCat("stream of ", id_.empty() ? peer_.address : id_, " was ended: ", std::string(status.message())));
  } else if (admitted_) {
    Note(Event::kStream, false, absl::StrCat("proxy ", id_, " disconnected"));
  }
  writer_.Finish(status);
}

void Connection::FillInfo(weft::v1::ProxyInfo* info) const {
  absl::MutexLock lock(&mutex_);
  info->set_id(id_);
  info->set_namespace_(identity_.ns);
  info->set_identity(peer_.uri);
  info->set_address(peer_.address);
  info->set_version(VersionOf(state_.node()));
  FillTime(since_, info->mutable_connected_since());
  info->set_revision(state_.accepted_revision());
  int wanted = 0, in_step = 0;
  for (int i = 0; i < compile::kResourceTypes; ++i) {
    const SubscriptionReport report = state_.Report(static_cast<ResourceType>(i));
    if (!report.active) continue;
    ++wanted;
    if (report.in_step) ++in_step;
    FillType(static_cast<ResourceType>(i), report, info);
  }
  info->set_types_wanted(wanted);
  info->set_types_in_step(in_step);
}

std::shared_ptr<const compile::ProxyConfig> Connection::config() const {
  absl::MutexLock lock(&mutex_);
  return state_.config();
}

bool Connection::InStep() const {
  absl::MutexLock lock(&mutex_);
  return state_.InStep();
}

}  // namespace weft::control::serve
