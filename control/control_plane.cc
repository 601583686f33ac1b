#include "control/control_plane.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/api/metrics.h"
#include "control/log.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "pki/certificate.h"
#include "pki/private_file.h"
#include "schema/version.h"

namespace weft::control {
namespace {

constexpr absl::Duration kGrace = absl::Seconds(3);
// Whoever reaches the port may use it, and no request to it has a body: nobody can make it hold one in memory.
constexpr api::HttpServer::Limits kMetricsLimits = {.connections = 64, .head_bytes = 8 << 10, .body_bytes = 0};
// Until then an expired token's error says that it is expired, not that it is unknown.
constexpr absl::Duration kKeepExpiredTokens = absl::Hours(24 * 7);

void LogLine(bool is_problem, const std::string& text) { Log(is_problem ? LogLevel::kWarning : LogLevel::kInfo, text); }

serve::Surroundings SurroundingsOf(const Settings& settings) {
  return {.trust_domain = settings.trust_domain,
          .limits = settings.xds_limits,
          .now = [] { return absl::Now(); },
          .log = &LogLine};
}

// What proxies may call this control plane, inside and outside of a cluster.
std::vector<std::string> DnsNames(const Settings& settings) {
  std::vector<std::string> names = {"weft-control", "weft-control.weft-system", "weft-control.weft-system.svc",
                                    "weft-control.weft-system.svc.cluster.local", "localhost"};
  char host[256] = "";
  if (gethostname(host, sizeof host - 1) == 0 && host[0] != '\0') names.emplace_back(host);
  names.insert(names.end(), settings.dns_names.begin(), settings.dns_names.end());
  return names;
}

bool IsLoopback(const std::string& address) {
  return absl::StartsWith(address, "127.") || absl::StartsWith(address, "[::1]:");
}

void WarnIfInTheClear(const std::string& flag, const std::string& address) {
  if (address.empty() || IsLoopback(address)) return;
  Log(LogLevel::kWarning,
      absl::StrCat(flag, " ", address, " has no TLS: the admin token crosses the network in the clear"));
}

absl::Status Named(const std::string& flag, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(flag, " ", std::string(status.message())));
}

void FillTime(absl::Time from, google::protobuf::Timestamp* to) { to->set_seconds(absl::ToUnixSeconds(from)); }

// The first certificate of `pem`.
void AddCertificate(const std::string& role, const pki::CertificateFacts& facts,
                    weft::v1::ListCertificatesResponse* response) {
  weft::v1::CertificateInfo* to = response->add_certificates();
  to->set_role(role);
  if (!facts.uri_sans.empty()) to->set_identity(facts.uri_sans.front());
  to->set_serial(facts.serial);
  FillTime(facts.not_before, to->mutable_not_before());
  FillTime(facts.not_after, to->mutable_not_after());
}

}  // namespace

absl::StatusOr<std::unique_ptr<ControlPlane>> ControlPlane::Start(const Settings& settings) {
  std::unique_ptr<ControlPlane> plane(new ControlPlane(settings));
  plane->started_ = absl::Now();
  if (absl::Status opened = plane->OpenData(); !opened.ok()) return opened;
  if (absl::Status opened = plane->OpenAuthority(); !opened.ok()) return opened;
  plane->fleet_ = std::make_unique<serve::Fleet>(SurroundingsOf(settings));
  plane->MakeOperations();
  plane->registry_->SetPublish(
      [fleet = plane->fleet_.get()](std::shared_ptr<const model::World> world) { fleet->Publish(std::move(world)); });
  if (absl::Status opened = plane->OpenXds(); !opened.ok()) return opened;
  if (absl::Status opened = plane->OpenApi(); !opened.ok()) return opened;
  if (absl::Status written = plane->WriteAddresses(); !written.ok()) return written;
  plane->ready_.store(true);
  return plane;
}

ControlPlane::~ControlPlane() { Stop(); }

absl::Status ControlPlane::OpenData() {
  auto store = store::Store::Open(settings_.data);
  if (!store.ok()) return store.status();
  store_ = *std::move(store);
  // Of a run that was killed; only now is it sure that nobody else runs here.
  std::error_code ignored;
  std::filesystem::remove(AddressesPath(), ignored);
  auto registry = api::Registry::Open(*store_, settings_.trust_domain);
  if (!registry.ok()) return registry.status();
  registry_ = *std::move(registry);
  auto access = api::Access::Open(settings_.data);
  if (!access.ok()) return access.status();
  access_ = *std::move(access);
  return absl::OkStatus();
}

absl::Status ControlPlane::OpenAuthority() {
  ca::Options options;
  options.directory = settings_.data + "/ca";
  options.trust_domain = settings_.trust_domain;
  options.root_lifetime = settings_.root_ttl;
  options.issuing_lifetime = settings_.issuing_ttl;
  options.default_ttl = settings_.workload_ttl;
  options.max_ttl = std::max(settings_.most_workload_ttl, settings_.workload_ttl);
  options.min_ttl = std::min(options.min_ttl, settings_.workload_ttl);
  auto authority = ca::CertificateAuthority::Open(options, absl::Now());
  if (!authority.ok()) return authority.status();
  authority_ = *std::move(authority);
  token_rows_ = std::make_unique<TokenRows>(store_->tokens());
  tokens_ = std::make_unique<ca::JoinTokens>(*token_rows_, settings_.trust_domain, authority_->RootSha256());
  enrollment_ = std::make_unique<ca::Enrollment>(*authority_, *tokens_);
  KeepHouse();
  auto identity = serve::ServerIdentity::Open(*authority_, {.dns_names = DnsNames(settings_),
                                                            .lifetime = settings_.server_ttl,
                                                            .now = [] { return absl::Now(); },
                                                            .log = &LogLine});
  if (!identity.ok()) return identity.status();
  server_identity_ = *std::move(identity);
  return absl::OkStatus();
}

void ControlPlane::MakeOperations() {
  api::Views views;
  views.list_proxies = [this](const auto& request, auto* response) { fleet_->ListProxies(request, response); };
  views.proxy_config = [this](const auto& request, auto* response) { return fleet_->ProxyConfig(request, response); };
  views.list_certificates = [this](auto* response) { FillCertificates(response); };
  views.now = [] { return absl::Now(); };
  views.version = schema::kWeftVersion;
  views.trust_domain = settings_.trust_domain;
  operations_ = std::make_unique<api::Operations>(*registry_, *tokens_, *token_rows_, std::move(views));
  access_->OnRefusal([this](const std::string& host, const std::string& why) {
    fleet_->events().Note(serve::Event::kAdminRefused, host, true,
                          absl::StrCat("control API refused to ", host, ": ", why), &LogLine, absl::Now());
  });
  grpc_service_ = std::make_unique<api::GrpcService>(*access_, *operations_);
  json_api_ = std::make_unique<api::JsonApi>(*access_, *operations_, [this] { return WhyNotReady(); });
  const std::string identifier = absl::StrCat("weft-control ", schema::kWeftVersion);
  plaintext_ads_ = std::make_unique<serve::AdsService>(*fleet_, identifier, /*secure=*/false);
  secure_ads_ = std::make_unique<serve::AdsService>(*fleet_, identifier, /*secure=*/true);
  certificates_ = std::make_unique<serve::CertificateService>(*enrollment_, *fleet_);
}

absl::Status ControlPlane::OpenApi() {
  for (const std::string& address : settings_.api) WarnIfInTheClear("--listen", address);
  WarnIfInTheClear("--json-listen", settings_.json);
  auto grpc = api::GrpcServer::Start({.socket_path = settings_.data + "/control.sock", .addresses = settings_.api},
                                     *grpc_service_);
  if (!grpc.ok()) return grpc.status();
  grpc_server_ = *std::move(grpc);
  if (!settings_.json.empty()) {
    auto server = api::HttpServer::Start(
        settings_.json, [this](const api::HttpRequest& request) { return json_api_->Handle(request); }, {},
        [this](const api::HttpRequest& head) { return json_api_->Admit(head); });
    if (!server.ok()) return Named("--json-listen", server.status());
    json_server_ = *std::move(server);
  }
  if (!settings_.metrics.empty()) {
    auto server = api::HttpServer::Start(
        settings_.metrics, [this](const api::HttpRequest& request) { return HandleMetrics(request); }, kMetricsLimits);
    if (!server.ok()) return Named("--metrics-listen", server.status());
    metrics_server_ = *std::move(server);
  }
  return absl::OkStatus();
}

absl::Status ControlPlane::OpenXds() {
  if (!settings_.xds_plaintext.empty()) {
    if (!IsLoopback(settings_.xds_plaintext)) {
      Log(LogLevel::kWarning, absl::StrCat("xDS without TLS on ", settings_.xds_plaintext,
                                           ": whoever reaches it gets any proxy's configuration"));
    }
    auto server =
        serve::XdsServer::Start(settings_.xds_plaintext, grpc::InsecureServerCredentials(), {plaintext_ads_.get()});
    if (!server.ok()) return Named("--xds-plaintext-listen", server.status());
    plaintext_server_ = *std::move(server);
  }
  if (!settings_.xds.empty()) {
    auto server = serve::XdsServer::Start(settings_.xds, server_identity_->MakeCredentials(),
                                          {secure_ads_.get(), certificates_.get()});
    if (!server.ok()) return Named("--xds-listen", server.status());
    secure_server_ = *std::move(server);
  }
  return absl::OkStatus();
}

absl::Status ControlPlane::WriteAddresses() {
  google::protobuf::Struct addresses;
  auto& fields = *addresses.mutable_fields();
  fields["pid"].set_number_value(getpid());
  fields["socket"].set_string_value(settings_.data + "/control.sock");
  for (const std::string& address : grpc_server_->addresses()) {
    fields["api"].mutable_list_value()->add_values()->set_string_value(address);
    Log(LogLevel::kInfo, absl::StrCat("control API (gRPC) on ", address));
  }
  const auto add = [&](const char* key, const char* what, const std::string& address) {
    fields[key].set_string_value(address);
    Log(LogLevel::kInfo, absl::StrCat(what, " on ", address));
  };
  if (json_server_ != nullptr) add("json", "control API (JSON)", json_server_->address());
  if (secure_server_ != nullptr) add("xds", "xDS and certificates over TLS", secure_server_->address());
  if (plaintext_server_ != nullptr) add("xds_plaintext", "xDS without TLS", plaintext_server_->address());
  if (metrics_server_ != nullptr) add("metrics", "metrics and health", metrics_server_->address());
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  const auto printed = google::protobuf::util::MessageToJsonString(addresses, &json, options);
  if (!printed.ok()) return absl::InternalError(absl::StrCat(AddressesPath(), ": ", printed.ToString()));
  return pki::WritePrivateFile(AddressesPath(), json);
}

void ControlPlane::Stop() {
  if (store_ == nullptr) return;
  ready_.store(false);
  std::error_code ignored;
  std::filesystem::remove(AddressesPath(), ignored);
  store_->Stop();  // ends watches
  if (grpc_server_ != nullptr) grpc_server_->Stop(kGrace);
  if (json_server_ != nullptr) json_server_->Stop();
  if (fleet_ != nullptr) fleet_->Stop();
  if (secure_server_ != nullptr) secure_server_->Stop(kGrace);
  if (plaintext_server_ != nullptr) plaintext_server_->Stop(kGrace);
  if (metrics_server_ != nullptr) metrics_server_->Stop();
}

absl::Duration ControlPlane::HousekeepingPeriod() const {
  return std::clamp(settings_.issuing_ttl / 50, absl::Seconds(1), absl::Minutes(1));
}

void ControlPlane::KeepHouse() {
  const absl::Time now = absl::Now();
  std::string trouble;
  absl::StatusOr<bool> renewed = authority_->RenewIssuing(now);
  if (!renewed.ok()) trouble = std::string(renewed.status().message());
  if (renewed.ok() && *renewed) Log(LogLevel::kInfo, "the issuing certificate was renewed");
  absl::StatusOr<int> erased = token_rows_->EraseExpired(now - kKeepExpiredTokens);
  if (!erased.ok()) trouble = std::string(erased.status().message());
  if (absl::Status pruned = PruneHistory(now); !pruned.ok()) trouble = std::string(pruned.message());
  if (!trouble.empty() && trouble != last_trouble_) Log(LogLevel::kWarning, trouble);
  last_trouble_ = trouble;
}

absl::Status ControlPlane::PruneHistory(absl::Time now) {
  int64_t revisions = 0, states = 0;
  while (true) {
    absl::StatusOr<store::Pruned> pruned = store_->Prune(settings_.history, now);
    if (!pruned.ok()) return pruned.status();
    history_oldest_.store(pruned->oldest);
    if (pruned->revisions == 0) break;
    revisions += pruned->revisions;
    states += pruned->states;
    history_pruned_.fetch_add(pruned->revisions);
  }
  if (revisions > 0) {
    Log(LogLevel::kInfo, absl::StrCat("history: forgot ", revisions, " revisions with ", states,
                                      " old states of objects; the oldest is ", history_oldest_.load(), " now"));
  }
  return absl::OkStatus();
}

void ControlPlane::ReloadRoots() {
  const absl::Status reloaded = authority_->ReloadExtraRoots();
  if (!reloaded.ok()) return Log(LogLevel::kError, std::string(reloaded.message()));
  Log(LogLevel::kInfo, absl::StrCat("the mesh trusts ", authority_->Facts().roots, " root(s) now"));
}

std::string ControlPlane::WhyNotReady() const { return ready_.load() ? "" : "starting or stopping"; }

api::HttpResponse ControlPlane::HandleMetrics(const api::HttpRequest& request) {
  api::HttpRequest asked = request;
  if (asked.path == "/ready") asked.path = "/readyz";
  if (auto health = api::HealthReply(asked, [this] { return WhyNotReady(); })) return *health;
  api::HttpResponse response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  if (request.path == "/metrics") {
    response.body = Metrics();
    return response;
  }
  response.code = 404;
  response.body = "here are /metrics, /ready and /healthz\n";
  return response;
}

std::string ControlPlane::Metrics() {
  const serve::FleetCounts fleet = fleet_->Counts();
  const ca::AuthorityFacts facts = authority_->Facts();
  api::Figures figures;
  figures.registry = registry_->Counts();
  figures.store = store_->FileSizes();
  figures.proxies_connected = fleet.connected;
  figures.proxies_behind = fleet.behind;
  figures.pushes = fleet.pushes;
  figures.nacks = fleet.nacks;
  figures.largest = fleet.largest;
  figures.events = fleet.events;
  figures.history_oldest = history_oldest_.load();
  figures.history_pruned = history_pruned_.load();
  figures.publications = fleet.publications;
  figures.publishing = fleet.publishing;
  figures.certificates_signed = certificates_->signed_count();
  figures.root_not_after = facts.root_not_after;
  figures.issuing_not_after = facts.issuing_not_after;
  figures.server_not_after = server_identity_->Get().certificate->not_after;
  figures.started = started_;
  figures.version = schema::kWeftVersion;
  return api::MetricsText(figures, absl::Now());
}

void ControlPlane::FillCertificates(weft::v1::ListCertificatesResponse* response) {
  response->set_root_sha256(absl::BytesToHexString(authority_->RootSha256()));
  const auto roots = pki::ReadCertificates(authority_->BundlePem());
  const auto server = pki::ReadCertificates(server_identity_->Get().certificate->chain_pem);
  if (roots.ok()) {
    for (const pki::CertificateFacts& root : *roots) AddCertificate("root", root, response);
  }
  if (server.ok() && server->size() >= 2) {
    AddCertificate("issuing", (*server)[1], response);
    FillTime(authority_->Facts().issuing_renew_at, response->mutable_certificates()->rbegin()->mutable_renew_at());
    AddCertificate("server", (*server)[0], response);
  }
  fleet_->ListCertificates(response);
}

}  // namespace weft::control
