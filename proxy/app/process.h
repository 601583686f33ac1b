// Process: the whole weft-proxy, from its flags to its exit code: builds the parts, gives them to each other, runs the
// main loop, drains. Composition only; what a part does stands in its own file.
//
// Main thread. Owns everything. A start that fails says why on standard error and ends with 1; afterwards nothing ends
// the process but a signal or the admin's word.
#ifndef WEFT_PROXY_APP_PROCESS_H_
#define WEFT_PROXY_APP_PROCESS_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "proxy/admin/admin.h"
#include "proxy/admin/http_server.h"
#include "proxy/app/control_plane.h"
#include "proxy/app/flags.h"
#include "proxy/app/fleet.h"
#include "proxy/app/signals.h"
#include "proxy/app/trim_schedule.h"
#include "proxy/assemble/assembler.h"
#include "proxy/config/bootstrap.h"
#include "proxy/endpoint/registry.h"
#include "proxy/resolve/resolver.h"
#include "proxy/runtime/callbacks.h"
#include "proxy/runtime/mailbox.h"
#include "proxy/runtime/reactor.h"
#include "proxy/telemetry/log_writer.h"
#include "proxy/telemetry/metrics.h"

namespace weft::app {

class Process {
 public:
  explicit Process(Flags flags);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Runs until the end; the exit code.
  int Run(config::BootstrapSpec bootstrap);

  // Checks what only the whole shows, binds nothing. InvalidArgument has one line for each problem.
  static absl::Status Validate(config::BootstrapSpec bootstrap);

 private:
  friend class ProcessPages;

  absl::Status Start(config::BootstrapSpec bootstrap);
  absl::Status StartServers();
  void Publish(const std::shared_ptr<const config::Snapshot>& snapshot);
  void OnTerminate();
  void DrainListeners();
  void LookWhetherDrained();
  void GiveBackMemory();
  admin::Readiness Readiness() const;

  const Flags flags_;
  runtime::Reactor reactor_;
  runtime::Mailbox mailbox_{reactor_};
  Signals signals_;  // before any other thread
  const int64_t started_micros_;
  telemetry::LogWriter log_writer_;
  telemetry::Metrics metrics_;
  endpoint::Registry registry_;
  std::unique_ptr<resolve::Resolver> resolver_;
  std::unique_ptr<Fleet> fleet_;
  std::unique_ptr<assemble::Assembler> assembler_;
  std::unique_ptr<ControlPlane> control_plane_;  // null: neither ADS nor identity
  std::unique_ptr<admin::Admin> admin_;
  std::unique_ptr<admin::HttpServer> admin_server_, telemetry_server_;

  absl::Status fatal_;      // found while the loop ran: ends it with 1
  bool published_ = false;  // a Snapshot has gone out
  bool draining_ = false;
  bool terminating_ = false;
  runtime::TimePoint drain_deadline_{};
  runtime::Alarm drain_check_{[this] { LookWhetherDrained(); }};
  TrimSchedule trim_schedule_;
  runtime::Alarm memory_check_{[this] { GiveBackMemory(); }};
};

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_PROCESS_H_
