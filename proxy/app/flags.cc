#include "proxy/app/flags.h"

#include <CLI/CLI.hpp>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "proxy/base/parse_number.h"
#include "schema/version.h"

namespace weft::app {
namespace {

constexpr int kUsage = 2;
constexpr char kFooter[] =
    "weft-proxy capture … writes the firewall rules that lead a pod's traffic here: see weft-proxy capture --help.\n"
    "Signals: SIGTERM and SIGINT drain and end (a second one ends at once), SIGUSR1 reopens log files.\n"
    "Exit codes: 0 done; 1 wrong configuration, or the machine refused; 2 wrong command line.";

// The flags as they were typed.
struct Typed {
  std::string config, mode = "serve", log_level = "info", component_levels, log_format = "text";
  int concurrency = 0;
  std::vector<uint16_t> hold;
  std::string hold_timeout = "15s", drain_time = "25s", metrics_address;
  std::string identity_dir, join_token, join_token_file, ca_address, ca_server_name;
};

void Declare(CLI::App& app, Typed& typed) {
  app.set_version_flag("--version", std::string("weft-proxy ") + schema::kWeftVersion, "print the version");
  app.set_help_flag("-h,--help", "print this text");
  app.add_option("-c,--config-path", typed.config,
                 "bootstrap: an Envoy v3 Bootstrap in YAML or JSON; - for standard input")
      ->type_name("FILE")
      ->required();
  app.add_option("--mode", typed.mode, "validate checks FILE, binds nothing and ends with 0 or 1")
      ->check(CLI::IsMember({"serve", "validate"}))
      ->capture_default_str();
  app.add_option("--concurrency", typed.concurrency,
                 "number of workers (default: what the cgroup grants, at most 2 without a limit)")
      ->check(CLI::Range(1, 256))
      ->type_name("N");
  app.add_option("-l,--log-level", typed.log_level, "trace, debug, info, warning, error, critical or off")
      ->capture_default_str();
  app.add_option("--component-log-level", typed.component_levels, "levels of components: http:debug,xds:trace")
      ->type_name("LIST");
  app.add_option("--log-format", typed.log_format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app.add_option("--hold", typed.hold,
                 "ports to bind at start, so that early connections wait for the first configuration")
      ->delimiter(',')
      ->check(CLI::Range(1, 65535))
      ->type_name("PORT,PORT");
  app.add_option("--hold-timeout", typed.hold_timeout, "how long they wait")
      ->type_name("DURATION")
      ->capture_default_str();
  app.add_option("--drain-time", typed.drain_time, "how long connections may go on after SIGTERM")
      ->type_name("DURATION")
      ->capture_default_str();
  app.add_option("--metrics-address", typed.metrics_address,
                 "serve /metrics and /ready here too, for example 0.0.0.0:15020")
      ->type_name("ADDRESS:PORT");
  app.add_option("--identity-dir", typed.identity_dir,
                 "get a certificate from --ca-address and keep key and certificate here (a tmpfs)")
      ->type_name("DIR");
  app.add_option("--ca-address", typed.ca_address, "the control plane's TLS port")->type_name("HOST:PORT");
  app.add_option("--ca-server-name", typed.ca_server_name, "DNS name that its certificate must have (default: HOST)")
      ->type_name("NAME");
  app.add_option(
         "--join-token", typed.join_token,
         "token for the first certificate; other users of this machine can see it here: better by environment or file")
      ->envname("WEFT_JOIN_TOKEN")
      ->type_name("TOKEN");
  app.add_option("--join-token-file", typed.join_token_file, "file that holds it; read again at each enrollment")
      ->envname("WEFT_JOIN_TOKEN_FILE")
      ->type_name("FILE");
  app.footer(kFooter);
  app.get_formatter()->column_width(38);
}

absl::StatusOr<runtime::Duration> ReadDuration(const char* flag, const std::string& text) {
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration) || duration < absl::ZeroDuration() || duration > absl::Hours(24)) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": \"", text, "\" is no duration; write for example 30s or 2m"));
  }
  return std::chrono::duration_cast<runtime::Duration>(absl::ToChronoNanoseconds(duration));
}

absl::Status ReadLevels(const Typed& typed, Flags* flags) {
  const auto level = telemetry::ParseLogLevel(typed.log_level);
  if (!level) return absl::InvalidArgumentError(absl::StrCat("--log-level: \"", typed.log_level, "\" is no level"));
  flags->log_level = *level;
  for (absl::string_view one : absl::StrSplit(typed.component_levels, ',', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> words = absl::StrSplit(one, absl::MaxSplits(':', 1));
    const auto component = telemetry::ParseComponent(words.first);
    const auto of_component = telemetry::ParseLogLevel(words.second);
    if (!component || !of_component) {
      return absl::InvalidArgumentError(absl::StrCat("--component-log-level: \"", one, "\" is not COMPONENT:LEVEL"));
    }
    flags->component_levels.emplace_back(*component, *of_component);
  }
  flags->log_format = typed.log_format == "json" ? telemetry::LogFormat::kJson : telemetry::LogFormat::kText;
  return absl::OkStatus();
}

absl::Status ReadCaAddress(const std::string& text, Flags* flags) {
  const size_t colon = text.rfind(':');
  const auto port = colon == text.npos ? std::nullopt : base::ParseNumber<uint16_t>(text.substr(colon + 1));
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (!port || *port == 0 || host.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("--ca-address: \"", text, "\" is not HOST:PORT"));
  }
  flags->ca_host = host;
  flags->ca_port = *port;
  return absl::OkStatus();
}

absl::Status ReadIdentity(const Typed& typed, Flags* flags) {
  flags->identity_dir = typed.identity_dir;
  flags->join_token = typed.join_token;
  flags->join_token_file = typed.join_token_file;
  flags->ca_server_name = typed.ca_server_name;
  if (typed.identity_dir.empty() != typed.ca_address.empty()) {
    return absl::InvalidArgumentError("--identity-dir and --ca-address go together");
  }
  return typed.ca_address.empty() ? absl::OkStatus() : ReadCaAddress(typed.ca_address, flags);
}

absl::Status ReadMetricsAddress(const std::string& text, Flags* flags) {
  if (text.empty()) return absl::OkStatus();
  flags->metrics_address = base::Address::Parse(text);
  if (flags->metrics_address) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--metrics-address: \"", text, "\" is not IP:PORT"));
}

absl::StatusOr<Flags> Check(const Typed& typed) {
  Flags flags;
  flags.config = typed.config;
  flags.mode = typed.mode == "validate" ? Flags::Mode::kValidate : Flags::Mode::kServe;
  flags.concurrency = typed.concurrency;
  flags.hold = typed.hold;
  const auto hold = ReadDuration("--hold-timeout", typed.hold_timeout);
  if (!hold.ok()) return hold.status();
  const auto drain = ReadDuration("--drain-time", typed.drain_time);
  if (!drain.ok()) return drain.status();
  flags.hold_timeout = *hold;
  flags.drain_time = *drain;
  for (const absl::Status& status :
       {ReadLevels(typed, &flags), ReadIdentity(typed, &flags), ReadMetricsAddress(typed.metrics_address, &flags)}) {
    if (!status.ok()) return status;
  }
  flags.shown = {{"config_path", typed.config},        {"mode", typed.mode},
                 {"log_level", typed.log_level},       {"component_log_level", typed.component_levels},
                 {"log_format", typed.log_format},     {"hold_timeout", typed.hold_timeout},
                 {"drain_time", typed.drain_time},     {"metrics_address", typed.metrics_address},
                 {"identity_dir", typed.identity_dir}, {"ca_address", typed.ca_address}};
  return flags;
}

FlagsOutcome Wrong(std::string_view why) {
  FlagsOutcome outcome;
  outcome.exit_code = kUsage;
  outcome.error = "weft-proxy: " + std::string(why) + "\nweft-proxy: see `weft-proxy --help`\n";
  return outcome;
}

}  // namespace

FlagsOutcome ParseFlags(const std::vector<std::string>& arguments) {
  CLI::App app("weft-proxy - the sidecar of the Weft service mesh", "weft-proxy");
  Typed typed;
  Declare(app, typed);
  FlagsOutcome outcome;
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // CLI11 takes them from the end
  } catch (const CLI::CallForHelp&) {
    outcome.out = app.help();
    return outcome;
  } catch (const CLI::CallForVersion& version) {
    outcome.out = std::string(version.what()) + "\n";
    return outcome;
  } catch (const CLI::ParseError& error) {
    return Wrong(error.what());
  }
  absl::StatusOr<Flags> flags = Check(typed);
  if (!flags.ok()) return Wrong(std::string(flags.status().message()));
  outcome.flags = *std::move(flags);
  return outcome;
}

}  // namespace weft::app
