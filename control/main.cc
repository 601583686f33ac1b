// weft-control: see `weft-control --help`.
#include <pthread.h>
#include <signal.h>

#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "control/control_plane.h"
#include "control/log.h"
#include "control/settings.h"

namespace {

using weft::control::ControlPlane;
using weft::control::Log;
using weft::control::LogLevel;

// Before any thread starts, so that all of them inherit it and only main's thread takes these signals.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

void RunUntilSignal(ControlPlane& plane, const sigset_t& signals) {
  const timespec period = absl::ToTimespec(plane.HousekeepingPeriod());
  while (true) {
    const int signal = sigtimedwait(&signals, nullptr, &period);
    if (signal == SIGTERM || signal == SIGINT) return;
    if (signal == SIGHUP) plane.ReloadRoots();
    if (signal < 0) plane.KeepHouse();
  }
}

}  // namespace

int main(int argc, char** argv) {
  weft::control::Settings settings;
  int exit = 0;
  if (weft::control::ParseCommandLine(argc, argv, &settings, &exit) == weft::control::Parsed::kExit) return exit;
  setenv("GRPC_VERBOSITY", "NONE", 0);  // what it would say of broken handshakes is not worth a line each
  setenv("GRPC_ENABLE_FORK_SUPPORT", "0", 0);
  weft::control::SetLogLevel(settings.log_level);
  const sigset_t signals = BlockSignals();
  auto plane = ControlPlane::Start(settings);
  if (!plane.ok()) {
    Log(LogLevel::kError, absl::StrCat("cannot start: ", std::string(plane.status().message())));
    return 1;
  }
  Log(LogLevel::kInfo, "ready");
  RunUntilSignal(**plane, signals);
  Log(LogLevel::kInfo, "stopping");
  (*plane)->Stop();
  return 0;
}
