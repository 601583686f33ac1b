// The proxy's own log: lines like Envoy's, "[2026-01-31 12:00:00.000][42][warning][http] text", or JSON. Each component
// has its own level, which can be changed while the proxy runs. A worker's lines go through its LogProducer, so that a
// stalled standard error never stops a worker; other threads write at once. Any thread; SetUp() and the levels' changes
// on the main thread.
#ifndef WEFT_PROXY_TELEMETRY_LOG_H_
#define WEFT_PROXY_TELEMETRY_LOG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::telemetry {

class LogProducer;

enum class LogLevel : uint8_t { kTrace, kDebug, kInfo, kWarning, kError, kCritical, kOff };
std::string_view Name(LogLevel level);
// Envoy's words: trace, debug, info, warning (or warn), error, critical, off.
std::optional<LogLevel> ParseLogLevel(std::string_view text);

enum class Component : uint8_t { kMain, kConfig, kXds, kIdentity, kTls, kHttp, kTcp, kUpstream, kAccept, kDns, kAdmin };
inline constexpr int kComponents = static_cast<int>(Component::kAdmin) + 1;
std::string_view Name(Component component);
std::optional<Component> ParseComponent(std::string_view text);

enum class LogFormat : uint8_t { kText, kJson };

// Once, at the start of main. Before it lines go to standard error as text, from level info.
void SetUpLog(LogLevel level, LogFormat format);

// `text` is one line; control characters in it are shown as \xNN, so that nobody can forge a line.
void Log(Component component, LogLevel level, std::string_view text);
bool LogEnabled(Component component, LogLevel level);

void SetLogLevel(LogLevel level);  // of all components
void SetLogLevel(Component component, LogLevel level);
std::vector<std::pair<std::string_view, LogLevel>> LogLevels();

// On a worker's thread, at its start: its lines go this way. Null: write at once again.
void UseLogProducer(LogProducer* producer, uint32_t file);

// Text of a peer for a log line: control characters as \xNN, cut after `limit` bytes.
std::string Printable(std::string_view text, size_t limit = 256);

}  // namespace weft::telemetry

#endif  // WEFT_PROXY_TELEMETRY_LOG_H_
