// weft-control's log: one line for each event on standard error, "[2026-01-31 12:00:00.000][info] text". Text of peers
// is made harmless: control characters become \xNN. Any thread.
#ifndef WEFT_CONTROL_LOG_H_
#define WEFT_CONTROL_LOG_H_

#include <string>

namespace weft::control {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// False: no such word (debug, info, warning, error). Before the first call: info.
bool SetLogLevel(const std::string& word);

void Log(LogLevel level, const std::string& text);

}  // namespace weft::control

#endif  // WEFT_CONTROL_LOG_H_
