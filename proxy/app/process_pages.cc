#include "proxy/app/process_pages.h"

#include <algorithm>
#include <map>
#include <utility>

#include "proxy/app/process.h"
#include "proxy/telemetry/process_stats.h"
#include "schema/version.h"

namespace weft::app {
namespace {

using discovery::ResourceType;

constexpr ResourceType kTypes[] = {ResourceType::kCluster, ResourceType::kEndpoint, ResourceType::kListener,
                                   ResourceType::kRoute, ResourceType::kSecret};
constexpr size_t kMaxCertificates = 64;  // lines of the page; those that end first

std::string_view Word(ResourceType type) {
  switch (type) {
    case ResourceType::kCluster: return "cluster";
    case ResourceType::kEndpoint: return "endpoint";
    case ResourceType::kListener: return "listener";
    case ResourceType::kRoute: return "route";
    case ResourceType::kSecret: return "secret";
  }
  return "";
}

template <class Number>
double ToDouble(Number number) {
  return static_cast<double>(number);
}

admin::Resource Shown(ResourceType type, assemble::ResourceDump dump) {
  admin::Resource resource;
  resource.type = type;
  resource.dynamic = !dump.is_static;
  resource.warming = dump.warming;
  resource.name = std::move(dump.name);
  resource.version = std::move(dump.version);
  resource.updated_micros = dump.last_updated_micros;
  if (!dump.resource.type_url().empty()) resource.message = std::move(dump.resource);
  if (dump.refusal) {
    resource.rejection = std::move(dump.refusal->details);
    resource.rejected_version = std::move(dump.refusal->version);
    resource.rejected_micros = dump.refusal->at_micros;
  }
  return resource;
}

std::vector<admin::Resource> Resources(const assemble::Assembler& assembler) {
  std::vector<admin::Resource> all;
  for (const ResourceType type : kTypes) {
    for (assemble::ResourceDump& dump : assembler.Dump(type)) all.push_back(Shown(type, std::move(dump)));
  }
  return all;
}

}  // namespace

admin::Deps ProcessPages::DepsOf(Process& process) {
  assemble::Assembler& assembler = *process.assembler_;
  return admin::Deps{
      .clock = process.reactor_.clock(),
      .started_micros = process.started_micros_,
      .bootstrap = assembler.bootstrap().proto,
      .command_line = process.flags_.shown,
      .readiness = [&process] { return process.Readiness(); },
      .metrics = [&process] { return process.metrics_.Text(); },
      .resources = [&assembler] { return Resources(assembler); },
      .version_info = [&assembler](ResourceType type) { return assembler.facts(type).version; },
      .snapshot = [&assembler] { return assembler.snapshot(); },
      .certificates = [&process] { return Certificates(process); },
      .drain_listeners = [&process] { process.DrainListeners(); },
      .quit = [&process] { process.reactor_.Stop(); },
  };
}

std::vector<admin::CertificateInUse> ProcessPages::Certificates(const Process& process) {
  std::vector<admin::CertificateInUse> all;
  const identity::State* own = process.control_plane_ == nullptr ? nullptr : process.control_plane_->identity();
  if (own != nullptr && own->material != nullptr) {
    admin::CertificateInUse use;
    use.name = "identity";
    if (auto chain = pki::ReadCertificates(own->material->chain_pem); chain.ok()) use.chain = *std::move(chain);
    if (auto roots = pki::ReadCertificates(own->material->roots_pem); roots.ok()) use.roots = *std::move(roots);
    all.push_back(std::move(use));
  }
  for (const assemble::CertificateFact& fact : process.assembler_->certificates()) {
    pki::CertificateFacts facts;
    if (!fact.uri.empty()) facts.uri_sans.push_back(fact.uri);
    facts.not_after = absl::FromUnixSeconds(fact.not_after_unix);
    admin::CertificateInUse use;
    use.name = fact.name;
    use.chain.push_back(std::move(facts));
    all.push_back(std::move(use));
  }
  return all;
}

void ProcessPages::AddMetrics(const Process& process, telemetry::Page& page) {
  AddOwnMetrics(process, page);
  AddConfigMetrics(process, page);
  AddCertificateMetrics(process, page);
  if (process.control_plane_ != nullptr) AddControlPlaneMetrics(process, page);
  telemetry::AddProcessStats(page);
}

void ProcessPages::AddOwnMetrics(const Process& process, telemetry::Page& page) {
  page.Gauge("build_info", "Always 1; the version is a label.", {{"version", schema::kWeftVersion}}, 1);
  page.Gauge("start_time_seconds", "When this process started, since 1970.", {},
             ToDouble(process.started_micros_) / 1e6);
  page.Gauge("ready", "1 when this proxy can serve.", {}, process.Readiness().state == admin::State::kLive ? 1 : 0);
  page.Gauge("workers", "Worker threads.", {}, process.fleet_->size());
  page.Gauge("listeners_bound", "Addresses that are bound.", {}, ToDouble(process.fleet_->sockets().bound().size()));
  page.Counter("listener_bind_failures_total", "Attempts to bind an address that failed.", {},
               ToDouble(process.fleet_->sockets().failures()));
  page.Counter("log_lines_written_total", "Lines that the log writer wrote.", {},
               ToDouble(process.log_writer_.written()));
  page.Counter("log_lines_lost_total", "Lines that could not be written.", {}, ToDouble(process.log_writer_.lost()));
}

void ProcessPages::AddConfigMetrics(const Process& process, telemetry::Page& page) {
  const auto& snapshot = process.assembler_->snapshot();
  page.Gauge("config_generation", "Counts up with each configuration that the workers were given.", {},
             snapshot == nullptr ? 0 : ToDouble(snapshot->generation));
  page.Gauge("config_revision_info", "Always 1; the revision of the control plane that is in force is a label.",
             {{"revision", snapshot == nullptr ? "" : std::string_view(snapshot->revision)}}, 1);
  for (const ResourceType type : kTypes) {
    const assemble::TypeFacts facts = process.assembler_->facts(type);
    const telemetry::Page::Labels labels = {{"type", Word(type)}};
    page.Gauge("config_resources", "Resources in force.", labels, ToDouble(facts.resources));
    page.Counter("config_updates_total", "Responses of the control plane.", labels, ToDouble(facts.updates));
    page.Counter("config_rejections_total", "Resources that were refused.", labels, ToDouble(facts.rejections));
    page.Counter("config_ignored_fields_total",
                 "Fields of resources that were accepted and ignored; the log names each.", labels,
                 ToDouble(facts.ignored_fields));
    page.Gauge("config_last_update_timestamp_seconds", "When the last response came, since 1970; 0: never.", labels,
               ToDouble(facts.last_update_micros) / 1e6);
  }
}

// The time of the end and not what is left of it, as Prometheus wants it: (… - time()) / 86400 are the days left.
void ProcessPages::AddCertificateMetrics(const Process& process, telemetry::Page& page) {
  std::vector<assemble::CertificateFact> facts = process.assembler_->certificates();
  std::sort(facts.begin(), facts.end(),
            [](const auto& a, const auto& b) { return a.not_after_unix < b.not_after_unix; });
  std::map<std::string, int64_t> first_to_end;
  for (const assemble::CertificateFact& fact : facts) {
    if (first_to_end.size() < kMaxCertificates) first_to_end.emplace(fact.name, fact.not_after_unix);
  }
  for (const auto& [name, not_after] : first_to_end) {
    page.Gauge("certificate_expiry_timestamp_seconds", "When a certificate in use ends, since 1970.", {{"name", name}},
               ToDouble(not_after));
  }
}

void ProcessPages::AddControlPlaneMetrics(const Process& process, telemetry::Page& page) {
  if (const discovery::AdsStatus* ads = process.control_plane_->ads(); ads != nullptr) {
    page.Gauge("control_plane_connected", "1 while an ADS stream stands.", {}, ads->connected ? 1 : 0);
    page.Counter("control_plane_streams_total", "ADS streams that stood.", {}, ToDouble(ads->streams));
    page.Counter("control_plane_failures_total", "ADS streams that broke or never came to stand.", {},
                 ToDouble(ads->failures));
  }
  if (const identity::State* own = process.control_plane_->identity(); own != nullptr) {
    page.Counter("identity_enrollments_total", "Certificates that were had by a join token.", {},
                 ToDouble(own->enrollments));
    page.Counter("identity_renewals_total", "Certificates that were had by the one before.", {},
                 ToDouble(own->renewals));
    page.Counter("identity_failures_total", "Attempts to get a certificate that failed.", {}, ToDouble(own->failures));
  }
}

}  // namespace weft::app
