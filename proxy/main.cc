// weft-proxy: flags, build everything, run.
#include <iostream>
#include <string>
#include <vector>

#include "proxy/app/flags.h"
#include "proxy/app/process.h"
#include "proxy/capture/command.h"
#include "proxy/config/bootstrap.h"
#include "proxy/telemetry/log.h"

namespace {

int Main(const weft::app::Flags& flags) {
  weft::telemetry::SetUpLog(flags.log_level, flags.log_format);
  for (const auto& [component, level] : flags.component_levels) weft::telemetry::SetLogLevel(component, level);

  auto bootstrap = weft::config::LoadBootstrap(flags.config);
  if (!bootstrap.ok()) {
    std::cerr << bootstrap.status().message() << '\n';
    return 1;
  }
  for (const weft::config::FieldProblem& note : bootstrap->notes) {
    weft::telemetry::Log(weft::telemetry::Component::kConfig, weft::telemetry::LogLevel::kInfo,
                         note.field + ": " + note.what);
  }
  if (flags.mode == weft::app::Flags::Mode::kServe) return weft::app::Process(flags).Run(*std::move(bootstrap));

  const absl::Status status = weft::app::Process::Validate(*std::move(bootstrap));
  if (!status.ok()) {
    std::cerr << status.message() << '\n';
    return 1;
  }
  std::cout << "configuration " << flags.config << " OK\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "capture") {
    return weft::capture::Run(argc - 1, argv + 1, std::cout, std::cerr);
  }
  const weft::app::FlagsOutcome parsed = weft::app::ParseFlags(std::vector<std::string>(argv + 1, argv + argc));
  std::cout << parsed.out;
  std::cerr << parsed.error;
  return parsed.flags ? Main(*parsed.flags) : parsed.exit_code;
}
