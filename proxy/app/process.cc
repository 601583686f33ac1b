#include "proxy/app/process.h"

#include <malloc.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proxy/app/process_pages.h"
#include "proxy/base/buffer.h"
#include "proxy/resolve/cares_resolver.h"
#include "proxy/runtime/worker.h"
#include "proxy/telemetry/log.h"
#include "schema/version.h"

namespace weft::app {
namespace {

using telemetry::Component;
using telemetry::Log;
using telemetry::LogLevel;

constexpr runtime::Duration kDrainCheck = std::chrono::milliseconds(20);
constexpr runtime::Duration kMemoryCheck = std::chrono::seconds(30);

absl::Status Prefixed(std::string_view prefix, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), std::string(prefix) + std::string(status.message()));
}

// Admin can do everything, so it is for this machine alone, whatever the file says (a stock Envoy's often says
// 0.0.0.0).
base::Address LoopbackOnly(const base::Address& wanted) {
  if (!wanted.is_ip() || wanted.is_loopback()) return wanted;
  const auto loopback = base::Address::FromIp(wanted.family() == AF_INET6 ? "::1" : "127.0.0.1", wanted.port());
  Log(Component::kAdmin, LogLevel::kWarning,
      absl::StrCat("admin.address ", wanted.ToString(), " can be reached from other machines; listening on ",
                   loopback->ToString(), " instead (--metrics-address is for metrics and readiness)"));
  return *loopback;
}

// Large buffers are mapped one by one and so go back to the system when they are freed; few arenas, so that what one
// thread has freed is not kept apart from what another one needs. Before any other thread.
void SetUpAllocator(int workers) {
  mallopt(M_MMAP_THRESHOLD, 64 * 1024);
  mallopt(M_TRIM_THRESHOLD, 256 * 1024);
  mallopt(M_ARENA_MAX, workers + 1);
}

// Of all threads, since the start.
base::Duration CpuTime() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

// gRPC's c-ares asks the name servers even for what /etc/hosts knows, and waits 20 s for one that cannot be reached.
// getaddrinfo (on a thread of gRPC's) does what the rest of the machine does. Read by gRPC at its start; what the
// environment says stays. Before any other thread.
void SetUpNamesOfGrpc() { setenv("GRPC_DNS_RESOLVER", "native", /*overwrite=*/0); }

Workload OwnWorkload(const std::string& uri) {
  Workload own = WorkloadOf(uri);
  own.principal = uri;
  return own;
}

// Validation looks nothing up.
class NoLookups final : public resolve::Resolver {
 public:
  std::unique_ptr<resolve::Watch> StartWatch(resolve::Query, OnAnswer) override {
    return std::make_unique<resolve::Watch>();
  }
};

}  // namespace

Process::Process(Flags flags)
    : flags_(std::move(flags)),
      signals_(reactor_, {[this] { OnTerminate(); }, [this] { log_writer_.Reopen(); }}),
      started_micros_(reactor_.clock().WallMicros()) {}

// Parts end in the order in which nobody is left who would call them.
Process::~Process() {
  admin_server_.reset();
  telemetry_server_.reset();
  control_plane_.reset();
  if (fleet_ != nullptr) fleet_->Stop();
  assembler_.reset();
  fleet_.reset();
}

absl::Status Process::Validate(config::BootstrapSpec bootstrap) {
  runtime::Reactor reactor;
  NoLookups resolver;
  endpoint::Registry registry;
  assemble::Assembler assembler({reactor, resolver, registry}, {}, [](std::shared_ptr<const config::Snapshot>) {});
  return assembler.Start(std::move(bootstrap));
}

int Process::Run(config::BootstrapSpec bootstrap) {
  absl::Status status = Start(std::move(bootstrap));
  if (status.ok()) {
    reactor_.Run();
    status = fatal_;
  }
  if (status.ok()) {
    Log(Component::kMain, LogLevel::kInfo, "ended");
    return 0;
  }
  Log(Component::kMain, LogLevel::kCritical, status.message().empty() ? "ended" : std::string(status.message()));
  return 1;
}

absl::Status Process::Start(config::BootstrapSpec bootstrap) {
  const int workers = flags_.concurrency > 0 ? flags_.concurrency : runtime::DefaultConcurrency();
  SetUpAllocator(workers);
  SetUpNamesOfGrpc();
  Log(Component::kMain, LogLevel::kInfo,
      absl::StrCat("weft-proxy ", schema::kWeftVersion, ", ", workers, workers == 1 ? " worker" : " workers"));
  fleet_ = std::make_unique<Fleet>(FleetDeps{reactor_, mailbox_, metrics_, log_writer_, [this] { registry_.Sweep(); }},
                                   workers, flags_.hold_timeout);
  for (const uint16_t port : flags_.hold) {
    if (absl::Status status = fleet_->Hold(port); !status.ok()) return Prefixed("--hold: ", status);
  }
  fleet_->Start();

  auto resolver = resolve::CaresResolver::Create(reactor_, {});
  if (!resolver.ok()) return Prefixed("name service: ", resolver.status());
  resolver_ = *std::move(resolver);
  assemble::AssemblerOptions options;
  options.has_identity = !flags_.identity_dir.empty();
  assembler_ = std::make_unique<assemble::Assembler>(
      assemble::AssemblerDeps{reactor_, *resolver_, registry_}, options,
      [this](std::shared_ptr<const config::Snapshot> snapshot) { Publish(snapshot); });
  if (absl::Status status = assembler_->Start(std::move(bootstrap)); !status.ok()) return status;
  if (absl::Status status = StartServers(); !status.ok()) return status;

  const config::BootstrapSpec& spec = assembler_->bootstrap();
  if (ControlPlane::IsWanted(flags_, spec)) {
    control_plane_ = std::make_unique<ControlPlane>(ControlPlaneDeps{
        reactor_, mailbox_, *assembler_, [this](const std::string& uri) { fleet_->SetOwn(OwnWorkload(uri)); }});
    if (absl::Status status = control_plane_->Start(flags_, spec); !status.ok()) return status;
  }
  reactor_.timers().Arm(&memory_check_, reactor_.now() + kMemoryCheck);
  return absl::OkStatus();
}

absl::Status Process::StartServers() {
  metrics_.AddSource([this](telemetry::Page& page) { ProcessPages::AddMetrics(*this, page); });
  admin_ = std::make_unique<admin::Admin>(ProcessPages::DepsOf(*this));
  if (const auto& address = assembler_->bootstrap().admin) {
    admin_server_ = std::make_unique<admin::HttpServer>(
        reactor_, [this](const admin::Query& query) { return admin_->Handle(query); });
    if (absl::Status status = admin_server_->Listen(LoopbackOnly(*address)); !status.ok())
      return Prefixed("admin: ", status);
  }
  if (flags_.metrics_address) {
    telemetry_server_ = std::make_unique<admin::HttpServer>(
        reactor_, [this](const admin::Query& query) { return admin_->HandleTelemetry(query); });
    if (absl::Status status = telemetry_server_->Listen(*flags_.metrics_address); !status.ok()) {
      return Prefixed("--metrics-address: ", status);
    }
  }
  return absl::OkStatus();
}

// The first Snapshot has the static listeners: one that cannot be bound ends the start. Later ones are tried again and
// again.
void Process::Publish(const std::shared_ptr<const config::Snapshot>& snapshot) {
  const absl::Status status = fleet_->Publish(snapshot);
  const bool first = !std::exchange(published_, true);
  if (status.ok()) return;
  if (first) {
    fatal_ = status;
    reactor_.Stop();
    return;
  }
  Log(Component::kConfig, LogLevel::kWarning, std::string(status.message()));
}

void Process::OnTerminate() {
  if (terminating_) {
    Log(Component::kMain, LogLevel::kWarning, "told twice to end: connections are cut");
    reactor_.Stop();
    return;
  }
  terminating_ = true;
  drain_deadline_ = reactor_.now() + flags_.drain_time;
  DrainListeners();
  Log(Component::kMain, LogLevel::kInfo,
      absl::StrCat("draining: ", fleet_->connections(), " connections have ",
                   std::chrono::duration_cast<std::chrono::seconds>(flags_.drain_time).count(), " s to end"));
  LookWhetherDrained();
}

void Process::DrainListeners() {
  draining_ = true;
  fleet_->Drain();
}

void Process::LookWhetherDrained() {
  const int64_t left = fleet_->connections();
  if (left > 0 && reactor_.now() < drain_deadline_) {
    reactor_.timers().Arm(&drain_check_, std::min(drain_deadline_, reactor_.now() + kDrainCheck));
    return;
  }
  if (left > 0)
    Log(Component::kMain, LogLevel::kWarning, absl::StrCat(left, " connections are cut after the drain time"));
  reactor_.Stop();
}

// What a burst of connections has left behind: half of the workers' unused buffers, and what glibc keeps of freed
// memory.
void Process::GiveBackMemory() {
  base::BufferPool::ForThisThread().Trim();
  fleet_->TrimBuffers();
  if (trim_schedule_.Look(CpuTime())) malloc_trim(64 * 1024);
  reactor_.timers().Arm(&memory_check_, reactor_.now() + kMemoryCheck);
}

admin::Readiness Process::Readiness() const {
  if (draining_) return {admin::State::kDraining, ""};
  if (!published_) return {admin::State::kPreInitializing, "the first configuration"};
  assemble::Readiness assembled = assembler_->readiness();
  std::vector<std::string> waiting = std::move(assembled.waiting_for);
  if (control_plane_ != nullptr && control_plane_->identity() != nullptr &&
      control_plane_->identity()->material == nullptr) {
    waiting.insert(waiting.begin(), absl::StrCat("a certificate from ", flags_.ca_host, ":", flags_.ca_port));
    assembled.ready = false;
  }
  if (!assembled.ready) return {admin::State::kPreInitializing, absl::StrJoin(waiting, ", ")};
  return {admin::State::kLive, ""};
}

}  // namespace weft::app
