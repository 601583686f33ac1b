#include "proxy/admin/json_page.h"

#include <utility>

#include "absl/time/time.h"
#include "proxy/telemetry/json_text.h"

namespace weft::admin {

void JsonBuilder::Next() {
  if (!std::exchange(empty_, false)) text_ += ',';
}

void JsonBuilder::AddJson(std::string_view key, std::string_view json) {
  Next();
  telemetry::AppendJsonString(key, &text_);
  text_ += ':';
  text_ += json;
}

void JsonBuilder::Add(std::string_view key, std::string_view text) {
  std::string json;
  telemetry::AppendJsonString(text, &json);
  AddJson(key, json);
}

void JsonBuilder::AddNumber(std::string_view key, uint64_t number) { AddJson(key, std::to_string(number)); }

void JsonBuilder::AppendJson(std::string_view json) {
  Next();
  text_ += json;
}

void JsonBuilder::Append(std::string_view text) {
  Next();
  telemetry::AppendJsonString(text, &text_);
}

std::string JsonBuilder::Take() {
  text_ += close_;
  return std::move(text_);
}

std::string Indented(std::string_view json) {
  std::string out;
  size_t depth = 0;
  bool in_text = false;
  const auto line = [&] { out.append(1, '\n').append(depth, ' '); };
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text) {
      out += c;
      if (c == '\\' && i + 1 < json.size()) out += json[++i];
      in_text = c != '"';
      continue;
    }
    const bool opens = c == '{' || c == '[', closes = c == '}' || c == ']';
    const bool stays_empty = opens && i + 1 < json.size() && (json[i + 1] == '}' || json[i + 1] == ']');
    if (closes && depth > 0 && !out.empty() && out.back() != '{' && out.back() != '[') {
      --depth;
      line();
    }
    out += c;
    if (c == '"') in_text = true;
    if (c == ':') out += ' ';
    if (opens && !stays_empty) ++depth;
    if (c == ',' || (opens && !stays_empty)) line();
  }
  out += '\n';
  return out;
}

std::string JsonTime(int64_t micros_since_1970) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMicros(micros_since_1970), absl::UTCTimeZone());
}

}  // namespace weft::admin
