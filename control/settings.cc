#include "control/settings.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "schema/version.h"

namespace weft::control {
namespace {

constexpr int kWrongCommandLine = 2;
constexpr char kNone[] = "none";

// Where `weft` looks for control.sock when nobody names a server.
std::string DefaultData() {
  if (geteuid() == 0) return "/var/lib/weft";
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && data[0] == '/')
    return absl::StrCat(data, "/weft");
  const char* home = std::getenv("HOME");
  return home != nullptr && home[0] == '/' ? absl::StrCat(home, "/.local/share/weft") : "/var/lib/weft";
}

// What absl reads, and whole days.
bool ReadDuration(const std::string& text, absl::Duration* value) {
  int64_t days = 0;
  if (text.size() > 1 && text.back() == 'd' && absl::SimpleAtoi(text.substr(0, text.size() - 1), &days)) {
    *value = absl::Hours(24) * days;
  } else if (!absl::ParseDuration(text, value)) {
    return false;
  }
  return *value > absl::ZeroDuration();
}

void AddDuration(CLI::App* app, const std::string& flag, absl::Duration* value, const std::string& about) {
  app->add_option_function<std::string>(
         flag,
         [value, flag](const std::string& text) {
           if (!ReadDuration(text, value)) {
             throw CLI::ValidationError(flag, absl::StrCat("\"", text, "\" is no duration; write 90s, 30m, 24h, 7d"));
           }
         },
         about)
      ->type_name("DURATION")
      ->default_str(absl::FormatDuration(*value));
}

void AddAddress(CLI::App* app, const std::string& flag, std::string* value, const std::string& about) {
  app->add_option(flag, *value, about)->type_name("IP:PORT")->capture_default_str();
}

void AddServe(CLI::App* app, Settings* settings) {
  app->add_option("--data", settings->data,
                  "directory of the store, the certificates and control.sock; made when missing")
      ->type_name("DIR")
      ->capture_default_str();
  app->add_option("--listen", settings->api, "gRPC control API, beside DIR/control.sock; may be given several times")
      ->type_name("IP:PORT")
      ->capture_default_str();
  AddAddress(app, "--json-listen", &settings->json, "JSON control API");
  AddAddress(app, "--xds-listen", &settings->xds, "xDS and certificate signing over TLS");
  AddAddress(app, "--xds-plaintext-listen", &settings->xds_plaintext,
             "xDS without TLS: whoever reaches it gets configuration");
  AddAddress(app, "--metrics-listen", &settings->metrics, "/metrics, /ready and /healthz");
  app->add_option("--trust-domain", settings->trust_domain, "of all identities; cannot change once DIR/ca is made")
      ->type_name("NAME")
      ->capture_default_str();
  app->add_option("--dns-name", settings->dns_names, "further name by which proxies reach the TLS port")
      ->type_name("NAME");
  AddDuration(app, "--workload-cert-ttl", &settings->workload_ttl, "lifetime of a proxy's certificate");
  AddDuration(app, "--max-workload-cert-ttl", &settings->most_workload_ttl, "what a proxy may ask for at most");
  AddDuration(app, "--server-cert-ttl", &settings->server_ttl, "lifetime of the TLS port's own certificate");
  AddDuration(app, "--root-cert-ttl", &settings->root_ttl, "lifetime of the root, when it is made at the first start");
  AddDuration(app, "--issuing-cert-ttl", &settings->issuing_ttl, "lifetime of the certificate that signs");
  AddDuration(app, "--xds-answer-deadline", &settings->xds_limits.answer_deadline,
              "how long a proxy's missing answer holds back what comes next");
  app->add_option("--history-revisions", settings->history.revisions,
                  "newest revisions that `weft log` and `weft rollback` know at least")
      ->type_name("NUMBER")
      ->check(CLI::Range(int64_t{1}, int64_t{1'000'000'000}))
      ->capture_default_str();
  AddDuration(app, "--history-age", &settings->history.age, "younger revisions stay, however many they are");
  app->add_option("--log-level", settings->log_level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  app->footer(
      "An address may be \"none\": then the port is not opened. Port 0 takes any free one; DIR/addresses.json has "
      "them.");
}

void Normalize(Settings* settings) {
  for (std::string* address : {&settings->json, &settings->xds, &settings->xds_plaintext, &settings->metrics}) {
    if (*address == kNone) address->clear();
  }
  std::erase(settings->api, kNone);
}

// Prints what was asked for, or what is wrong; returns the exit code.
int Explain(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);
  const bool in_serve = !app.get_subcommands().empty();
  const std::vector<std::string> rest = app.remaining();
  const std::string what = in_serve                            ? error.what()
                           : rest.empty() || rest[0][0] == '-' ? "a command is missing; expected serve"
                                                               : "unknown command \"" + rest[0] + "\"; expected serve";
  std::cerr << "weft-control: " << what << "\nweft-control: see `weft-control " << (in_serve ? "serve " : "")
            << "--help`\n";
  return kWrongCommandLine;
}

}  // namespace

Parsed ParseCommandLine(int argc, char** argv, Settings* settings, int* exit) {
  settings->data = DefaultData();
  CLI::App app("weft-control: keeps the objects of the mesh, configures its proxies, signs their certificates.",
               "weft-control");
  app.set_version_flag("--version", absl::StrCat("weft-control ", schema::kWeftVersion));
  app.require_subcommand(1);
  CLI::App* serve = app.add_subcommand("serve", "run until SIGTERM");
  AddServe(serve, settings);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    *exit = Explain(app, error);
    return Parsed::kExit;
  }
  Normalize(settings);
  return Parsed::kServe;
}

}  // namespace weft::control
