// The command line of weft-proxy, checked. Called by proxy/main.cc before anything runs; keeps nothing.
#ifndef WEFT_PROXY_APP_FLAGS_H_
#define WEFT_PROXY_APP_FLAGS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/runtime/clock.h"
#include "proxy/telemetry/log.h"

namespace weft::app {

struct Flags {
  enum class Mode : uint8_t { kServe, kValidate };

  std::string config;  // -c FILE; "-": standard input
  Mode mode = Mode::kServe;
  int concurrency = 0;  // 0: what the cgroup grants
  telemetry::LogLevel log_level = telemetry::LogLevel::kInfo;
  std::vector<std::pair<telemetry::Component, telemetry::LogLevel>> component_levels;
  telemetry::LogFormat log_format = telemetry::LogFormat::kText;
  std::vector<uint16_t> hold;  // ports to bind before there is a configuration
  runtime::Duration hold_timeout = std::chrono::seconds(15);
  // Below Kubernetes' default grace of 30 s, so that what is left is cut in good order and not by SIGKILL.
  runtime::Duration drain_time = std::chrono::seconds(25);
  std::optional<base::Address> metrics_address;

  std::string identity_dir;  // empty: no identity
  std::string join_token, join_token_file;
  std::string ca_host;
  uint16_t ca_port = 0;
  std::string ca_server_name;

  std::vector<std::pair<std::string, std::string>> shown;  // for /server_info; no secrets
};

struct FlagsOutcome {
  std::optional<Flags> flags;  // none: `exit_code` and what to say
  int exit_code = 0;
  std::string out, error;
};

// `arguments` without the program's name. --help and --version end with 0, a wrong line with 2.
FlagsOutcome ParseFlags(const std::vector<std::string>& arguments);

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_FLAGS_H_
