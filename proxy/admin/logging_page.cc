#include "proxy/admin/logging_page.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "proxy/telemetry/log.h"
#include "schema/view.h"

namespace weft::admin {
namespace {

using telemetry::Component;
using telemetry::LogLevel;

struct Change {
  std::optional<Component> component;  // none: all
  LogLevel level;
};

std::string_view Std(absl::string_view text) { return {text.data(), text.size()}; }

absl::StatusOr<LogLevel> LevelOf(absl::string_view text) {
  if (const auto level = telemetry::ParseLogLevel(Std(text))) return *level;
  return absl::InvalidArgumentError(
      absl::StrCat("unknown level \"", text, "\"; there are trace, debug, info, warning, error, critical, off"));
}

absl::StatusOr<Change> OneChange(absl::string_view component_text, absl::string_view level_text) {
  const auto level = LevelOf(level_text);
  if (!level.ok()) return level.status();
  if (const auto component = telemetry::ParseComponent(Std(component_text))) return Change{component, *level};
  std::string known;
  for (const auto& [name, unused] : telemetry::LogLevels()) {
    absl::StrAppend(&known, known.empty() ? "" : ", ", schema::View(name));
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown component \"", component_text, "\"; there are ", known));
}

absl::Status Collect(absl::string_view parameter, std::vector<Change>* changes) {
  const std::pair<absl::string_view, absl::string_view> words = absl::StrSplit(parameter, absl::MaxSplits('=', 1));
  if (words.first == "level") {
    const auto level = LevelOf(words.second);
    if (!level.ok()) return level.status();
    changes->push_back({std::nullopt, *level});
    return absl::OkStatus();
  }
  std::vector<std::pair<absl::string_view, absl::string_view>> wanted;
  if (words.first == "paths") {
    for (absl::string_view one : absl::StrSplit(words.second, ',', absl::SkipEmpty())) {
      wanted.push_back(absl::StrSplit(one, absl::MaxSplits(':', 1)));
    }
  } else {
    wanted.push_back(words);
  }
  for (const auto& [component, level] : wanted) {
    const auto change = OneChange(component, level);
    if (!change.ok()) return change.status();
    changes->push_back(*change);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ChangeLogLevels(std::string_view query) {
  std::vector<Change> changes;
  for (absl::string_view parameter : absl::StrSplit(schema::View(query), '&', absl::SkipEmpty())) {
    if (absl::Status status = Collect(parameter, &changes); !status.ok()) return status;
  }
  for (const Change& change : changes) {
    if (change.component) {
      telemetry::SetLogLevel(*change.component, change.level);
    } else {
      telemetry::SetLogLevel(change.level);
    }
  }
  return absl::OkStatus();
}

std::string LogLevelsText() {
  std::string text = "active loggers:\n";
  for (const auto& [name, level] : telemetry::LogLevels()) {
    absl::StrAppend(&text, "  ", schema::View(name), ": ", schema::View(telemetry::Name(level)), "\n");
  }
  return text;
}

}  // namespace weft::admin
