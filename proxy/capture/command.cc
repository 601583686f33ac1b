#include "proxy/capture/command.h"

#include <CLI/CLI.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "proxy/capture/nftables.h"
#include "proxy/capture/rules.h"
#include "proxy/capture/settings.h"

namespace weft::capture {
namespace {

constexpr int kRefused = 1;
constexpr int kUsage = 2;

// The flags as they were typed.
struct Typed {
  uint16_t inbound = Settings().inbound_port;
  uint16_t outbound = Settings().outbound_port;
  std::vector<std::string> include_inbound_ports, exclude_inbound_ports;
  std::vector<std::string> include_outbound_ports, exclude_outbound_ports;
  std::vector<std::string> include_outbound_cidrs, exclude_outbound_cidrs;
  std::vector<std::string> exclude_interfaces;
  bool ipv4_only = false;
  bool undo = false;
  bool dry_run = false;
};

void Declare(CLI::App& app, Typed& typed) {
  const auto port = CLI::Range(1, 65535);
  app.add_option("--inbound", typed.inbound, "port of the proxy for connections to this machine")
      ->check(port)
      ->capture_default_str();
  app.add_option("--outbound", typed.outbound, "port of the proxy for connections of this machine")
      ->check(port)
      ->capture_default_str();
  const std::vector<std::pair<const char*, std::vector<std::string>*>> lists = {
      {"--include-inbound-ports", &typed.include_inbound_ports},
      {"--exclude-inbound-ports", &typed.exclude_inbound_ports},
      {"--include-outbound-ports", &typed.include_outbound_ports},
      {"--exclude-outbound-ports", &typed.exclude_outbound_ports},
      {"--include-outbound-cidrs", &typed.include_outbound_cidrs},
      {"--exclude-outbound-cidrs", &typed.exclude_outbound_cidrs},
      {"--exclude-interfaces", &typed.exclude_interfaces},
  };
  const char* const help[] = {
      "capture only connections to these ports of this machine",
      "leave connections to these ports of this machine alone (15020 always is)",
      "capture only connections to these ports (and to --include-outbound-cidrs)",
      "leave connections to these ports alone",
      "capture only connections to these networks (and to --include-outbound-ports)",
      "leave connections to these networks alone",
      "leave these interfaces alone, both ways",
  };
  for (size_t i = 0; i < lists.size(); ++i) {
    app.add_option(lists[i].first, *lists[i].second, std::string(help[i]) + "; items separated by commas")
        ->delimiter(',')
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
  app.add_flag("--ipv4-only", typed.ipv4_only, "leave IPv6 alone, for kernels without IPv6 nat");
  app.add_flag("--undo", typed.undo, "remove the rules");
  app.add_flag("--dry-run", typed.dry_run, "print the rules, change nothing");
}

// Puts a parsed list where it belongs; an error names the flag.
template <class T>
absl::Status Take(const char* flag, absl::StatusOr<std::vector<T>> parsed, std::vector<T>& to) {
  if (!parsed.ok())
    return absl::InvalidArgumentError(std::string(flag) + ": " + std::string(parsed.status().message()));
  to = *std::move(parsed);
  return absl::OkStatus();
}

absl::StatusOr<Settings> Checked(const Typed& typed) {
  Settings settings;
  settings.inbound_port = typed.inbound;
  settings.outbound_port = typed.outbound;
  settings.ipv4_only = typed.ipv4_only;
  absl::Status status;
  status.Update(
      Take("--include-inbound-ports", ParsePorts(typed.include_inbound_ports), settings.include_inbound_ports));
  status.Update(
      Take("--exclude-inbound-ports", ParsePorts(typed.exclude_inbound_ports), settings.exclude_inbound_ports));
  status.Update(
      Take("--include-outbound-ports", ParsePorts(typed.include_outbound_ports), settings.include_outbound_ports));
  status.Update(
      Take("--exclude-outbound-ports", ParsePorts(typed.exclude_outbound_ports), settings.exclude_outbound_ports));
  status.Update(
      Take("--include-outbound-cidrs", ParseCidrs(typed.include_outbound_cidrs), settings.include_outbound_cidrs));
  status.Update(
      Take("--exclude-outbound-cidrs", ParseCidrs(typed.exclude_outbound_cidrs), settings.exclude_outbound_cidrs));
  status.Update(Take("--exclude-interfaces", ParseInterfaces(typed.exclude_interfaces), settings.exclude_interfaces));
  status.Update(Check(settings));
  if (!status.ok()) return status;
  return settings;
}

// Tables of our name that somebody else made: they would be deleted.
absl::Status CheckTablesAreOurs() {
  for (const std::string family : {"inet", "ip"}) {
    const absl::StatusOr<std::string> listing = ListTable(family, "weft");
    if (!listing.ok()) return listing.status();
    const std::string foreign = ForeignLine(*listing);
    if (foreign.empty()) continue;
    return absl::FailedPreconditionError(
        "the nftables table " + family + " weft is not one that weft-proxy capture wrote (it has '" + foreign +
        "'), so it is left alone; rename it, or remove it with: nft delete table " + family + " weft");
  }
  return absl::OkStatus();
}

}  // namespace

int Run(int count, const char* const* arguments, std::ostream& out, std::ostream& error) {
  Typed typed;
  CLI::App app(
      "Redirects this network namespace's TCP connections to the proxy, by nftables rules in a table of its own.",
      "weft-proxy capture");
  Declare(app, typed);
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& wrong) {
    if (wrong.get_exit_code() == 0) return app.exit(wrong, out, error);
    error << "weft-proxy capture: " << wrong.what() << "\nweft-proxy capture: see `weft-proxy capture --help`\n";
    return kUsage;
  }
  const absl::StatusOr<Settings> settings = Checked(typed);
  if (!settings.ok()) {
    error << "weft-proxy capture: " << settings.status().message() << '\n';
    return kUsage;
  }
  const std::string commands = typed.undo ? UndoText() : RulesText(*settings);
  if (typed.dry_run) {
    out << commands;
    return 0;
  }
  absl::Status done = CheckTablesAreOurs();
  if (done.ok()) done = RunNftables(commands);
  if (!done.ok()) {
    error << "weft-proxy capture: " << done.message() << '\n';
    return kRefused;
  }
  if (typed.undo) {
    out << "capture undone: new connections go their own way; established ones stay as they are\n";
  } else {
    out << "captured: connections to this machine go to port " << settings->inbound_port << ", its own to "
        << settings->outbound_port << "; weft-proxy capture --undo removes the rules\n";
  }
  return 0;
}

}  // namespace weft::capture
