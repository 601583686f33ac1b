#include "proxy/telemetry/access_format.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "proxy/base/parse_number.h"
#include "proxy/telemetry/access_commands.h"
#include "proxy/telemetry/json_text.h"

namespace weft::telemetry {
namespace {

constexpr std::string_view kDefault =
    "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% "
    "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" "
    "\"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"\n";

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

template <class... Words>
absl::Status Wrong(size_t at, Words... words) {
  return absl::InvalidArgumentError(absl::StrCat("character ", at + 1, ": ", View(words)...));
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool IsCommandCharacter(char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

// Where the argument that begins behind "(" ends: at a ")" that the rest of a command follows.
size_t ArgumentEnd(std::string_view text, size_t begin) {
  for (size_t close = text.find(')', begin); close != std::string_view::npos; close = text.find(')', close + 1)) {
    size_t next = close + 1;
    if (next < text.size() && text[next] == ':') {
      ++next;
      while (next < text.size() && text[next] >= '0' && text[next] <= '9') ++next;
    }
    if (next < text.size() && text[next] == '%') return close;
  }
  return std::string_view::npos;
}

// A peer's control characters must not make a second line.
void AppendVisible(std::string_view text, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      *out += c;
      continue;
    }
    *out += "\\x";
    *out += kHex[byte >> 4];
    *out += kHex[byte & 15];
  }
}

}  // namespace

absl::StatusOr<AccessFormat::Part> AccessFormat::ParseCommand(std::string_view text, size_t* at) {
  const size_t start = *at;  // the opening percent sign
  size_t next = start + 1;
  while (next < text.size() && IsCommandCharacter(text[next])) ++next;
  const std::string_view name = text.substr(start + 1, next - start - 1);
  if (name.empty()) return Wrong(start, "a % that begins no command; write %% for a percent sign");
  Part part;
  part.command = FindAccessCommand(name);
  if (part.command == nullptr) {
    return Wrong(start,
                 IsForeignAccessCommand(name) ? "this proxy does not support the command %" : "there is no command %",
                 name, "%");
  }
  const bool has_argument = next < text.size() && text[next] == '(';
  if (has_argument) {
    const size_t end = ArgumentEnd(text, next + 1);
    if (end == std::string_view::npos) return Wrong(start, "the argument of %", name, "(… is not closed by )%");
    part.text = text.substr(next + 1, end - next - 1);
    next = end + 1;
  }
  if (next < text.size() && text[next] == ':') {
    const size_t digits = ++next;
    while (next < text.size() && text[next] >= '0' && text[next] <= '9') ++next;
    const auto limit = base::ParseNumber<uint32_t>(text.substr(digits, next - digits));
    if (!limit) return Wrong(start, "the length behind %", name, ": is not a number");
    part.limit = *limit;
  }
  if (next >= text.size() || text[next] != '%')
    return Wrong(start, "the command %", name, " is not closed by a percent sign");
  using Argument = AccessCommand::Argument;
  const Argument wanted = part.command->argument;
  if (wanted == Argument::kNone && has_argument) return Wrong(start, "%", name, "% takes no argument");
  if ((wanted == Argument::kHeader || wanted == Argument::kName) && part.text.empty()) {
    return Wrong(start, "%", name,
                 wanted == Argument::kHeader ? "(HEADER)% needs the name of a header" : "(NAME)% needs a name");
  }
  if (wanted == Argument::kHeader) {
    const size_t mark = part.text.find('?');
    if (mark != std::string::npos) part.alternative = LowerCase(part.text.substr(mark + 1));
    part.text = LowerCase(part.text.substr(0, mark));
  }
  if (wanted == Argument::kTime) part.time = std::make_shared<TimeFormat>(part.text);
  *at = next + 1;
  return part;
}

absl::StatusOr<std::vector<AccessFormat::Part>> AccessFormat::Parse(std::string_view text) {
  std::vector<Part> parts;
  std::string literal;
  const auto flush = [&] {
    if (literal.empty()) return;
    parts.emplace_back();
    parts.back().text = std::move(literal);
    literal.clear();
  };
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '%') {
      literal += text[at++];
    } else if (text.substr(at, 2) == "%%") {
      literal += '%';
      at += 2;
    } else {
      flush();
      auto part = ParseCommand(text, &at);
      if (!part.ok()) return part.status();
      parts.push_back(*std::move(part));
    }
  }
  flush();
  return parts;
}

absl::StatusOr<std::shared_ptr<const AccessFormat>> AccessFormat::FromText(std::string_view text) {
  auto parts = Parse(text.empty() ? kDefault : text);
  if (!parts.ok()) return parts.status();
  auto format = std::make_shared<AccessFormat>();
  format->text_ = *std::move(parts);
  return std::shared_ptr<const AccessFormat>(std::move(format));
}

absl::StatusOr<std::shared_ptr<const AccessFormat>> AccessFormat::FromJson(
    const std::vector<std::pair<std::string, std::string>>& fields) {
  auto format = std::make_shared<AccessFormat>();
  for (const auto& [key, text] : fields) {
    auto parts = Parse(text);
    if (!parts.ok())
      return absl::InvalidArgumentError(absl::StrCat("json_format[\"", key, "\"]: ", parts.status().message()));
    Field field;
    AppendJsonString(key, &field.key);
    field.key += ':';
    field.parts = *std::move(parts);
    format->json_.push_back(std::move(field));
  }
  return std::shared_ptr<const AccessFormat>(std::move(format));
}

bool AccessFormat::HeaderValue(const Part& part, const AccessRecord& record, std::string* out) {
  if (record.headers == nullptr) return false;
  using Headers = AccessCommand::Headers;
  const auto look = [&](const std::string& name) -> std::optional<std::string_view> {
    switch (part.command->headers) {
      case Headers::kRequest:
      case Headers::kRequestPath: return record.headers->Request(name);
      case Headers::kResponse: return record.headers->Response(name);
      case Headers::kTrailer: return record.headers->Trailer(name);
      case Headers::kNotHeaders: break;
    }
    return std::nullopt;
  };
  auto value = look(part.text);
  if (!value && !part.alternative.empty()) value = look(part.alternative);
  if (!value) return false;
  if (part.command->headers == Headers::kRequestPath) value = value->substr(0, value->find('?'));
  *out += *value;
  return true;
}

bool AccessFormat::Value(const Part& part, const AccessRecord& record, std::string* out, bool* number) {
  const size_t before = out->size();
  *number = part.command->number;
  bool known;
  if (part.command->headers != AccessCommand::Headers::kNotHeaders) {
    known = HeaderValue(part, record, out);
  } else if (part.time != nullptr) {
    part.time->Append(record.start_wall_micros, out);
    known = true;
  } else {
    known = part.command->value(record, part.text, out);
  }
  if (known && out->size() - before > part.limit) out->resize(before + part.limit);
  return known;
}

void AccessFormat::AppendText(const std::vector<Part>& parts, const AccessRecord& record, std::string* out) {
  static thread_local std::string value;
  for (const Part& part : parts) {
    if (part.command == nullptr) {
      *out += part.text;
      continue;
    }
    value.clear();
    bool number;
    if (Value(part, record, &value, &number)) {
      AppendVisible(value, out);
    } else {
      *out += '-';
    }
  }
}

void AccessFormat::Append(const AccessRecord& record, std::string* line) const {
  if (json_.empty()) {
    AppendText(text_, record, line);
    if (line->empty() || line->back() != '\n') *line += '\n';
    return;
  }
  std::string value;
  char separator = '{';
  for (const Field& field : json_) {
    *line += separator;
    separator = ',';
    *line += field.key;
    value.clear();
    bool number = false;
    if (field.parts.size() == 1 && field.parts[0].command != nullptr) {
      if (!Value(field.parts[0], record, &value, &number)) {
        *line += "null";
        continue;
      }
    } else {
      AppendText(field.parts, record, &value);
    }
    if (number) {
      *line += value;
    } else {
      AppendJsonString(value, line);
    }
  }
  *line += "}\n";
}

}  // namespace weft::telemetry
