#include "proxy/telemetry/log.h"

#include <unistd.h>

#include <array>
#include <memory>
#include <mutex>

#include "proxy/telemetry/json_text.h"
#include "proxy/telemetry/log_writer.h"
#include "spdlog/details/log_msg.h"
#include "spdlog/logger.h"
#include "spdlog/pattern_formatter.h"
#include "spdlog/sinks/sink.h"

namespace weft::telemetry {
namespace {

constexpr std::array<std::string_view, kComponents> kNames = {"main", "config",   "xds",    "identity", "tls",  "http",
                                                              "tcp",  "upstream", "accept", "dns",      "admin"};
constexpr const char* kTextPattern = "[%Y-%m-%d %H:%M:%S.%e][%t][%l][%n] %v";
// The message itself is already JSON text (see Log()).
constexpr const char* kJsonPattern =
    R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","thread":%t,"level":"%l","component":"%n","message":%v})";

thread_local LogProducer* producer = nullptr;
thread_local uint32_t producer_file = 0;

void WriteNow(std::string_view line) {
  while (!line.empty()) {
    const ssize_t put = write(STDERR_FILENO, line.data(), line.size());
    if (put < 0) return;  // nobody to tell
    line.remove_prefix(static_cast<size_t>(put));
  }
}

class ErrorSink final : public spdlog::sinks::sink {
 public:
  void log(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    {
      std::lock_guard lock(mutex_);  // formatters keep the last second's text
      formatter_->format(message, line);
    }
    const std::string_view text(line.data(), line.size());
    if (producer != nullptr) {
      producer->Write(producer_file, text);
    } else {
      WriteNow(text);
    }
  }
  void flush() override {}
  void set_pattern(const std::string& pattern) override {
    set_formatter(std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
  }
  void set_formatter(std::unique_ptr<spdlog::formatter> formatter) override {
    std::lock_guard lock(mutex_);
    formatter_ = std::move(formatter);
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<spdlog::formatter> formatter_;
};

spdlog::level::level_enum ToSpdlog(LogLevel level) { return static_cast<spdlog::level::level_enum>(level); }
static_assert(static_cast<int>(LogLevel::kOff) == SPDLOG_LEVEL_OFF);

struct Loggers {
  std::shared_ptr<ErrorSink> sink = std::make_shared<ErrorSink>();
  std::vector<std::unique_ptr<spdlog::logger>> by_component;
  std::atomic<bool> json{false};

  Loggers() {
    sink->set_pattern(kTextPattern);
    for (std::string_view name : kNames) {
      by_component.push_back(std::make_unique<spdlog::logger>(std::string(name), sink));
      by_component.back()->set_level(spdlog::level::info);
    }
  }
};

// Never destroyed: other threads may log until the very end.
Loggers& All() {
  static auto* const loggers = new Loggers();
  return *loggers;
}

spdlog::logger& Of(Component component) { return *All().by_component[static_cast<size_t>(component)]; }

}  // namespace

std::string_view Name(LogLevel level) {
  constexpr std::string_view kWords[] = {"trace", "debug", "info", "warning", "error", "critical", "off"};
  return kWords[static_cast<size_t>(level)];
}

std::optional<LogLevel> ParseLogLevel(std::string_view text) {
  if (text == "warn") return LogLevel::kWarning;
  for (int i = 0; i <= static_cast<int>(LogLevel::kOff); ++i) {
    if (Name(static_cast<LogLevel>(i)) == text) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

std::string_view Name(Component component) { return kNames[static_cast<size_t>(component)]; }

std::optional<Component> ParseComponent(std::string_view text) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == text) return static_cast<Component>(i);
  }
  return std::nullopt;
}

void SetUpLog(LogLevel level, LogFormat format) {
  SetLogLevel(level);
  All().json = format == LogFormat::kJson;
  All().sink->set_pattern(format == LogFormat::kJson ? kJsonPattern : kTextPattern);
}

bool LogEnabled(Component component, LogLevel level) { return Of(component).should_log(ToSpdlog(level)); }

void Log(Component component, LogLevel level, std::string_view text) {
  spdlog::logger& logger = Of(component);
  if (!logger.should_log(ToSpdlog(level))) return;
  std::string line;
  if (All().json) {
    AppendJsonString(text, &line);
  } else {
    line = Printable(text, 8 * 1024);
  }
  logger.log(ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

void SetLogLevel(LogLevel level) {
  for (auto& logger : All().by_component) logger->set_level(ToSpdlog(level));
}

void SetLogLevel(Component component, LogLevel level) { Of(component).set_level(ToSpdlog(level)); }

std::vector<std::pair<std::string_view, LogLevel>> LogLevels() {
  std::vector<std::pair<std::string_view, LogLevel>> levels;
  for (size_t i = 0; i < kNames.size(); ++i) {
    levels.emplace_back(kNames[i], static_cast<LogLevel>(All().by_component[i]->level()));
  }
  return levels;
}

void UseLogProducer(LogProducer* of_this_thread, uint32_t file) {
  producer = of_this_thread;
  producer_file = file;
}

std::string Printable(std::string_view text, size_t limit) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string shown;
  shown.reserve(std::min(text.size(), limit));
  for (const char c : text.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      shown += c;
      continue;
    }
    shown += "\\x";
    shown += kHex[byte >> 4];
    shown += kHex[byte & 15];
  }
  if (text.size() > limit) shown += "…";
  return shown;
}

}  // namespace weft::telemetry
