#include "schema/problem.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace weft::schema {

std::string Problem::ToString() const {
  std::string out = file;
  if (at.known()) absl::StrAppend(&out, ":", at.line, ":", at.column);
  if (!out.empty()) out += ": ";
  if (!field.empty()) absl::StrAppend(&out, field, ": ");
  return out + what;
}

void Problems::Add(Problem problem) {
  ++total_;
  if (kept_.size() < limit_) kept_.push_back(std::move(problem));
}

std::string Problems::ToString() const {
  std::string out;
  for (const Problem& problem : kept_) {
    if (!out.empty()) out += '\n';
    out += problem.ToString();
  }
  if (total_ > kept_.size()) absl::StrAppend(&out, "\nand ", total_ - kept_.size(), " more");
  return out;
}

absl::Status Problems::ToStatus() const {
  if (empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(ToString());
}

std::string Quoted(std::string_view text, size_t most) {
  const bool cut = text.size() > most;
  if (cut) {
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;  // not inside a character
    text = text.substr(0, most);
  }
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      constexpr char kHex[] = "0123456789abcdef";
      absl::StrAppend(&out, "\\x", std::string{kHex[(c >> 4) & 15], kHex[c & 15]});
    } else {
      out += c;
    }
  }
  return out + (cut ? "…\"" : "\"");
}

}  // namespace weft::schema
