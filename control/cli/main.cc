// weft: the command of people and scripts. See `weft --help`.
#include <pwd.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "control/cli/run.h"

namespace {

std::string UserAtHost() {
  const passwd* user = getpwuid(geteuid());
  std::string out = user != nullptr ? user->pw_name : std::to_string(geteuid());
  char host[256] = "";
  if (gethostname(host, sizeof host - 1) == 0 && host[0] != '\0') out += std::string("@") + host;
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  setenv("GRPC_VERBOSITY", "NONE", 0);  // what gRPC would log is in the status, in better words
  setenv("GRPC_ENABLE_FORK_SUPPORT", "0", 0);
  const weft::cli::Environment environment{
      .out = &std::cout, .err = &std::cerr, .now = [] { return absl::Now(); }, .author = UserAtHost(), .dial = nullptr};
  const int exit = weft::cli::Run(std::vector<std::string>(argv + 1, argv + argc), environment);
  std::cout.flush();
  if (!std::cout.good()) {
    std::cerr << "weft: the output could not be written\n";
    return exit == 0 ? weft::cli::kRefused : exit;
  }
  return exit;
}
