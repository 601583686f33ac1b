// Settings: what the command line of `weft-control serve` says. A plain value.
#ifndef WEFT_CONTROL_SETTINGS_H_
#define WEFT_CONTROL_SETTINGS_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "control/serve/subscription.h"
#include "control/store/store.h"

namespace weft::control {

// Addresses are IP:PORT, port 0 for any; empty: this port is not opened.
struct Settings {
  std::string data;                                    // directory of everything that outlives the process
  std::vector<std::string> api = {"127.0.0.1:15013"};  // gRPC control API, beside DATA/control.sock
  std::string json = "127.0.0.1:8080";                 // JSON control API
  std::string xds = "0.0.0.0:15012";                   // xDS and certificate signing over TLS
  std::string xds_plaintext = "127.0.0.1:15010";
  std::string metrics = "0.0.0.0:15014";  // metrics and health

  std::string trust_domain = "cluster.local";
  std::vector<std::string> dns_names;  // further names in the certificate of the TLS port
  absl::Duration root_ttl = absl::Hours(24 * 3650);
  absl::Duration issuing_ttl = absl::Hours(24 * 365);
  absl::Duration workload_ttl = absl::Hours(1);  // when the request does not say
  absl::Duration most_workload_ttl = absl::Hours(24);
  absl::Duration server_ttl = absl::Hours(24);
  serve::Limits xds_limits;
  store::HistoryLimits history;
  std::string log_level = "info";
};

enum class Parsed { kServe, kExit };

// Parsed::kExit: help, version or an error was printed, and `exit` is the program's exit code.
Parsed ParseCommandLine(int argc, char** argv, Settings* settings, int* exit);

}  // namespace weft::control

#endif  // WEFT_CONTROL_SETTINGS_H_
