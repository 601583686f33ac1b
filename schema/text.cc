#include "schema/text.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "schema/document.h"

namespace weft::schema {
namespace {

// Bytes of the UTF-8 character at the front; 0 when there is none (RFC 3629: no overlong form, no surrogate).
size_t CharacterLength(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0; };
  const auto tail = [&](size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) {
      if ((byte(i) & 0xC0) != 0x80) return false;
    }
    return true;
  };
  const uint8_t first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return tail(1, 2) ? 2 : 0;
  if (first < 0xF0) {
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
    return tail(1, 3) ? 3 : 0;
  }
  if (first > 0xF4 || (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
  return tail(1, 4) ? 4 : 0;
}

Location LocationOf(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const size_t line_start = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
  return {static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
          static_cast<int>(offset - line_start) + 1};
}

// The value of `\uXXXX` at `at`; -1 when there is none.
int32_t EscapeAt(std::string_view text, size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return -1;
  int32_t value = 0;
  for (const char c : text.substr(at + 2, 4)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

bool IsMarker(std::string_view line, std::string_view marker) {
  return line.substr(0, 3) == marker && (line.size() == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r');
}

}  // namespace

bool CheckText(std::string_view* text, const Options& options, Problems* problems) {
  const auto fail = [&](Location at, std::string what) {
    problems->Add({.file = options.file, .at = at, .what = std::move(what)});
    return false;
  };
  if (text->size() > options.limits.max_bytes) {
    return fail({}, absl::StrCat("has ", text->size(), " bytes; at most ", options.limits.max_bytes, " are read"));
  }
  if (text->substr(0, 3) == "\xEF\xBB\xBF") text->remove_prefix(3);
  for (size_t i = 0; i < text->size();) {
    const auto byte = static_cast<uint8_t>((*text)[i]);
    if (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') {
      return fail(LocationOf(*text, i), absl::StrFormat("the control character 0x%02x; is this a text file?", byte));
    }
    const size_t length = CharacterLength(text->substr(i));
    if (length == 0) return fail(LocationOf(*text, i), absl::StrFormat("the byte 0x%02x is not valid UTF-8", byte));
    i += length;
  }
  return true;
}

std::string JoinSurrogates(std::string_view text) {
  std::string out;
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos || (text[first] != '{' && text[first] != '[')) return std::string(text);
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    const int32_t high = EscapeAt(text, i), low = EscapeAt(text, i + 6);
    if (high >= 0xD800 && high < 0xDC00 && low >= 0xDC00 && low < 0xE000) {
      const int32_t point = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
      for (const int shift : {18, 12, 6, 0}) {
        out += static_cast<char>((shift == 18 ? 0xF0 : 0x80) | ((point >> shift) & (shift == 18 ? 0x07 : 0x3F)));
      }
      i += 11;
      continue;
    }
    out += text[i];
    if (i + 1 < text.size()) out += text[++i];  // an escaped backslash does not begin an escape
  }
  return out;
}

std::vector<Chunk> SplitChunks(std::string_view text) {
  std::vector<Chunk> out;
  size_t begin = 0;
  int line_number = 1, first_line = 1;
  for (size_t at = 0; at < text.size(); ++line_number) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (IsMarker(line, "---") && at > begin) {
      out.push_back({text.substr(begin, at - begin), first_line});
      begin = at;
      first_line = line_number;
    }
    at = end + 1;
    if (IsMarker(line, "...")) {
      at = std::min(at, text.size());
      out.push_back({text.substr(begin, at - begin), first_line});
      begin = at;
      first_line = line_number + 1;
    }
  }
  if (begin < text.size()) out.push_back({text.substr(begin), first_line});
  return out;
}

}  // namespace weft::schema
