#include "proxy/app/control_plane.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proxy/app/ads_channel.h"
#include "proxy/discovery/ads_client.h"
#include "proxy/discovery/grpc_stream_source.h"
#include "proxy/identity/grpc_ca_client.h"
#include "proxy/telemetry/log.h"

namespace weft::app {
namespace {

using telemetry::Component;
using telemetry::Log;
using telemetry::LogLevel;

}  // namespace

struct ControlPlane::Enrollment {
  Enrollment(const ControlPlaneDeps& deps, identity::CaServer server)
      : client(deps.reactor, deps.mailbox, std::move(server)) {}
  identity::GrpcCaClient client;
  std::unique_ptr<identity::Identity> identity;
};

// Members stand in the order of construction: what uses the others last.
struct ControlPlane::Ads {
  Ads(const ControlPlaneDeps& deps, const config::ClusterSpec& cluster, const config::AdsSpec& spec,
      discovery::AdsOptions options)
      : channels(deps.assembler, cluster, spec),
        source(deps.mailbox, channels),
        client(deps.reactor, source, deps.assembler, std::move(options)) {}
  AdsChannel channels;
  discovery::GrpcStreamSource source;
  discovery::AdsClient client;
};

ControlPlane::ControlPlane(ControlPlaneDeps deps) : deps_(std::move(deps)) {}

ControlPlane::~ControlPlane() {
  deps_.assembler.SetWantedChanged({});
  if (ads_ != nullptr) ads_->client.Stop();
  if (enrollment_ != nullptr) enrollment_->identity->Stop();
}

absl::Status ControlPlane::Start(const Flags& flags, const config::BootstrapSpec& bootstrap) {
  if (bootstrap.ads) {
    if (absl::Status status = StartAds(bootstrap); !status.ok()) return status;
  }
  if (!flags.identity_dir.empty()) {
    if (absl::Status status = StartIdentity(flags); !status.ok()) return status;
  }
  // Without its certificate the stream cannot be tried yet: OnIdentity() starts it, and has done so already when a
  // stored one is good. An error that no certificate will cure is the client's to tell.
  if (ads_ != nullptr && !streaming_ && (enrollment_ == nullptr || ads_->channels.Current().ok())) StartStream();
  return absl::OkStatus();
}

void ControlPlane::StartStream() {
  if (std::exchange(streaming_, true)) {
    ads_->client.Reconnect();
  } else {
    ads_->client.Start();
  }
}

absl::Status ControlPlane::StartIdentity(const Flags& flags) {
  enrollment_ =
      std::make_unique<Enrollment>(deps_, identity::CaServer{flags.ca_host, flags.ca_port, flags.ca_server_name});
  identity::Hooks hooks;
  hooks.changed = [this](const identity::MaterialPtr& material) { OnIdentity(*material); };
  hooks.log = [](bool is_problem, const std::string& text) {
    Log(Component::kIdentity, is_problem ? LogLevel::kWarning : LogLevel::kInfo, text);
  };
  identity::Options options;
  options.directory = flags.identity_dir;
  options.join_token = flags.join_token;
  options.join_token_file = flags.join_token_file;
  enrollment_->identity =
      std::make_unique<identity::Identity>(deps_.reactor, std::move(options), enrollment_->client, std::move(hooks));
  absl::Status status = enrollment_->identity->Start();
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("identity: ", status.message()));
}

absl::Status ControlPlane::StartAds(const config::BootstrapSpec& bootstrap) {
  const config::ClusterSpec* cluster = nullptr;
  for (const config::ClusterSpec& one : bootstrap.clusters) {
    if (one.name == bootstrap.ads->cluster) cluster = &one;
  }
  if (cluster == nullptr || cluster->hosts.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the ADS cluster ", bootstrap.ads->cluster, " has no endpoint to connect to"));
  }
  discovery::AdsOptions options;
  options.node = bootstrap.proto.node();
  options.clusters = bootstrap.ads->clusters;
  options.listeners = bootstrap.ads->listeners;
  ads_ = std::make_unique<Ads>(deps_, *cluster, *bootstrap.ads, std::move(options));
  return absl::OkStatus();
}

void ControlPlane::OnIdentity(const identity::Material& material) {
  if (absl::Status status = deps_.assembler.SetIdentity(material.Certificate(), material.Roots()); !status.ok()) {
    Log(Component::kIdentity, LogLevel::kError, absl::StrCat("the new certificate is of no use: ", status.message()));
    return;
  }
  deps_.identity_changed(material.uri);
  if (ads_ != nullptr) StartStream();
}

const discovery::AdsStatus* ControlPlane::ads() const { return ads_ == nullptr ? nullptr : &ads_->client.status(); }

const identity::State* ControlPlane::identity() const {
  return enrollment_ == nullptr ? nullptr : &enrollment_->identity->state();
}

}  // namespace weft::app
