// One parsed command line of `weft`. A plain value; made by ParseCommandLine, read by the commands.
#ifndef WEFT_CONTROL_CLI_INVOCATION_H_
#define WEFT_CONTROL_CLI_INVOCATION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace CLI {
class App;
}

namespace weft::cli {

// What scripts may rely on.
enum ExitCode {
  kOk = 0,
  kRefused = 1,        // the server or a check said no: wrong objects, no such object
  kUsage = 2,          // the command line is wrong, or names a file that cannot be read
  kUnreachable = 3,    // no server there, or no answer in time
  kNotAuthorized = 4,  // token missing or wrong, socket of another user
  kConflict = 5,       // someone else changed the object in between
};

enum class Command {
  kNone,
  kApply,
  kGet,
  kDelete,
  kLog,
  kRollback,
  kTokenCreate,
  kTokenList,
  kTokenRevoke,
  kProxies,
  kConfig,
  kCerts,
  kVersion,
  kCompletion,
};

enum class Format { kTable, kWide, kJson, kYaml };

struct Invocation {
  Command command = Command::kNone;

  // For every command.
  std::string server;  // unix:PATH or HOST:PORT; empty: the socket of this machine's weft-control
  std::string token, token_file;
  bool plaintext = false;  // the token may cross the network unencrypted
  std::string output = "table";
  Format format = Format::kTable;
  std::string ns;  // empty: not said
  bool all_namespaces = false;
  std::string timeout_text = "30s";
  absl::Duration timeout = absl::Seconds(30);

  std::vector<std::string> files;  // apply, delete
  bool recursive = false;
  bool dry_run = false;
  bool ignore_not_found = false;
  std::string message;
  std::string kind;                // get, delete, log
  std::vector<std::string> names;  // get, delete, log, config, token revoke
  std::vector<std::string> labels;
  int64_t revision = 0;  // get, rollback; before in log
  int limit = 20;
  std::string identity;
  std::string ttl_text;
  std::optional<absl::Duration> ttl;
  int uses = 1;
  std::string type;  // config
  bool client_only = false;
  std::string shell;
};

// The flags and commands as CLI11 knows them, writing into `invocation`, which must outlive it.
std::unique_ptr<CLI::App> BuildApp(Invocation* invocation);

// What the command line asks for. When it asks for nothing but a text (--help, --version), or is wrong: the exit code,
// with the text for stdout or stderr.
struct ParseResult {
  std::optional<int> exit;
  std::string out, err;
};
ParseResult ParseCommandLine(const std::vector<std::string>& arguments, Invocation* invocation);

// "90s", "1h30m", "7d"; nothing for what is none, or not positive.
std::optional<absl::Duration> ParseDuration(const std::string& text);

}  // namespace weft::cli

#endif  // WEFT_CONTROL_CLI_INVOCATION_H_
