// Checked number parsing: the whole text must be the number, in range. No locale, no sign where T is unsigned, no
// spaces.
#ifndef WEFT_PROXY_BASE_PARSE_NUMBER_H_
#define WEFT_PROXY_BASE_PARSE_NUMBER_H_

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>

namespace weft::base {

template <std::integral T>
std::optional<T> ParseNumber(std::string_view text, int radix = 10) {
  T value{};
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, value, radix);
  if (error != std::errc{} || stop != end || text.empty()) return std::nullopt;
  return value;
}

}  // namespace weft::base

#endif  // WEFT_PROXY_BASE_PARSE_NUMBER_H_
