#include "proxy/telemetry/json_text.h"

#include <cstddef>
#include <cstdint>

namespace weft::telemetry {
namespace {

// Length of the UTF-8 sequence that `text` begins with, 0 when it is not one (RFC 3629: shortest form, no surrogates).
size_t Utf8Length(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto follows = [&](size_t i, uint8_t low = 0x80, uint8_t high = 0xbf) {
    return i < text.size() && at(i) >= low && at(i) <= high;
  };
  const uint8_t first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const uint8_t low = first == 0xe0 ? 0xa0 : 0x80;
    const uint8_t high = first == 0xed ? 0x9f : 0xbf;
    return follows(1, low, high) && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const uint8_t low = first == 0xf0 ? 0x90 : 0x80;
    const uint8_t high = first == 0xf4 ? 0x8f : 0xbf;
    return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  *out += '"';
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    const auto byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      *out += '\\';
      *out += c;
      ++i;
    } else if (c == '\n') {
      *out += "\\n";
      ++i;
    } else if (byte < 0x20 || byte == 0x7f) {
      *out += "\\u00";
      *out += kHex[byte >> 4];
      *out += kHex[byte & 15];
      ++i;
    } else if (byte < 0x80) {
      *out += c;
      ++i;
    } else if (const size_t length = Utf8Length(text.substr(i)); length > 0) {
      out->append(text.substr(i, length));
      i += length;
    } else {
      *out += "\xef\xbf\xbd";
      ++i;
    }
  }
  *out += '"';
}

}  // namespace weft::telemetry
