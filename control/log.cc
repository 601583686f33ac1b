#include "control/log.h"

#include <atomic>
#include <cstdio>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace weft::control {
namespace {

constexpr size_t kMostLineBytes = 8192;
std::atomic<int> least{static_cast<int>(LogLevel::kInfo)};

const char* NameOf(LogLevel level) {
  static constexpr const char* kNames[] = {"debug", "info", "warning", "error"};
  return kNames[static_cast<int>(level)];
}

std::string OneLine(const std::string& text) {
  std::string line;
  for (const char c : text.substr(0, kMostLineBytes)) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      absl::StrAppendFormat(&line, "\\x%02x", static_cast<unsigned char>(c));
    } else {
      line.push_back(c);
    }
  }
  return line;
}

}  // namespace

bool SetLogLevel(const std::string& word) {
  for (const LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (word != NameOf(level)) continue;
    least.store(static_cast<int>(level));
    return true;
  }
  return false;
}

void Log(LogLevel level, const std::string& text) {
  if (static_cast<int>(level) < least.load(std::memory_order_relaxed)) return;
  const std::string line =
      absl::StrFormat("[%s][%s] %s\n", absl::FormatTime("%Y-%m-%d %H:%M:%E3S", absl::Now(), absl::UTCTimeZone()),
                      NameOf(level), OneLine(text));
  // One call, so that lines of several threads do not mix.
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace weft::control
