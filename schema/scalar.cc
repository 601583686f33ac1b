#include "schema/scalar.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "absl/strings/escaping.h"
#include "absl/time/time.h"
#include "google/protobuf/util/time_util.h"
#include "schema/view.h"

namespace weft::schema {
namespace {

bool AllOf(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == text.npos;
}

constexpr std::string_view kDigits = "0123456789";

std::string_view WithoutSign(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return text;
}

bool IsInteger(std::string_view text) {
  if (text.substr(0, 2) == "0x") return AllOf(text.substr(2), "0123456789abcdefABCDEF");
  if (text.substr(0, 2) == "0o") return AllOf(text.substr(2), "01234567");
  return AllOf(WithoutSign(text), kDigits);
}

// [-+]? ( "." digits | digits ( "." digits? )? ) ( [eE] [-+]? digits )?
bool IsDecimal(std::string_view text) {
  text = WithoutSign(text);
  const size_t exponent = text.find_first_of("eE");
  if (exponent != text.npos) {
    if (!AllOf(WithoutSign(text.substr(exponent + 1)), kDigits)) return false;
    text = text.substr(0, exponent);
  }
  const size_t point = text.find('.');
  if (point == text.npos) return AllOf(text, kDigits);
  const std::string_view whole = text.substr(0, point), part = text.substr(point + 1);
  if (whole.empty()) return AllOf(part, kDigits);
  return AllOf(whole, kDigits) && (part.empty() || AllOf(part, kDigits));
}

std::optional<double> Special(std::string_view text) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::string_view bare = WithoutSign(text);
  if (bare == ".inf" || bare == ".Inf" || bare == ".INF" || bare == "Infinity") {
    return text[0] == '-' ? -kInfinity : kInfinity;
  }
  if (text == ".nan" || text == ".NaN" || text == ".NAN" || text == "NaN") {
    return std::numeric_limits<double>::quiet_NaN();
  }
  return std::nullopt;
}

template <typename T>
std::optional<T> Whole(std::string_view text) {
  int base = 10;
  if (text.substr(0, 2) == "0x" || text.substr(0, 2) == "0o") {
    base = text[1] == 'x' ? 16 : 8;
    text.remove_prefix(2);
    if (text.empty() || text[0] == '-') return std::nullopt;
  } else if (text.size() > 1 && text[0] == '+') {
    text.remove_prefix(1);
    if (text[0] == '-') return std::nullopt;
  }
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// 010 is eight to some readers and ten to others.
bool HasLeadingZero(std::string_view text) {
  const std::string_view bare = WithoutSign(text);
  return bare.size() > 1 && bare[0] == '0' && kDigits.find(bare[1]) != kDigits.npos;
}

template <typename T>
std::optional<T> Integer(std::string_view text) {
  if (HasLeadingZero(text)) return std::nullopt;
  if (IsInteger(text)) return Whole<T>(text);
  if (!IsDecimal(text)) return std::nullopt;
  const std::optional<double> number = ToDouble(text);
  if (!number || std::trunc(*number) != *number) return std::nullopt;
  // Beyond 2^53 the written digits are not what the double holds.
  if (std::fabs(*number) > 9007199254740992.0) return std::nullopt;
  if (*number < 0 && !std::numeric_limits<T>::is_signed) return std::nullopt;
  return static_cast<T>(*number);
}

}  // namespace

ScalarType TypeOf(std::string_view text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return ScalarType::kNull;
  for (const std::string_view word : {"true", "True", "TRUE", "false", "False", "FALSE"}) {
    if (text == word) return ScalarType::kBool;
  }
  if (IsInteger(text)) return ScalarType::kInteger;
  if (IsDecimal(text)) return ScalarType::kFloat;
  if (text.find('.') != text.npos && Special(text)) return ScalarType::kFloat;
  return ScalarType::kText;
}

std::optional<int64_t> ToInt64(std::string_view text) { return Integer<int64_t>(text); }
std::optional<uint64_t> ToUint64(std::string_view text) { return Integer<uint64_t>(text); }

std::optional<double> ToDouble(std::string_view text) {
  if (const std::optional<double> special = Special(text)) return special;
  if (IsInteger(text) && text.size() > 1 && (text[1] == 'x' || text[1] == 'o')) {
    const std::optional<uint64_t> whole = Whole<uint64_t>(text);
    if (!whole) return std::nullopt;
    return static_cast<double>(*whole);
  }
  if (!IsDecimal(text) || HasLeadingZero(text)) return std::nullopt;
  if (text[0] == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<google::protobuf::Duration> ToDuration(std::string_view text, bool units) {
  constexpr int64_t kMost = 315'576'000'000;
  google::protobuf::Duration out;
  std::string_view rest = text;
  const bool negative = !rest.empty() && rest[0] == '-';
  if (negative) rest.remove_prefix(1);
  if (!rest.empty() && rest.back() == 's') {
    rest.remove_suffix(1);
    const size_t point = rest.find('.');
    const std::string_view whole = rest.substr(0, point);
    const std::string_view part = point == rest.npos ? "0" : rest.substr(point + 1);
    if (AllOf(whole, kDigits) && AllOf(part, kDigits) && part.size() <= 9) {
      const std::optional<int64_t> seconds = Whole<int64_t>(whole);
      if (!seconds || *seconds > kMost) return std::nullopt;
      std::string nanos(part);
      nanos.append(9 - nanos.size(), '0');
      const int32_t fraction = *Whole<int32_t>(nanos);
      if (*seconds == kMost && fraction > 0) return std::nullopt;
      out.set_seconds(negative ? -*seconds : *seconds);
      out.set_nanos(negative ? -fraction : fraction);
      return out;
    }
  }
  if (!units) return std::nullopt;
  absl::Duration parsed;
  if (!absl::ParseDuration(View(text), &parsed)) return std::nullopt;
  if (absl::AbsDuration(parsed) > absl::Seconds(kMost)) return std::nullopt;
  out.set_seconds(absl::IDivDuration(parsed, absl::Seconds(1), &parsed));
  out.set_nanos(static_cast<int32_t>(absl::IDivDuration(parsed, absl::Nanoseconds(1), &parsed)));
  return out;
}

std::optional<google::protobuf::Timestamp> ToTimestamp(std::string_view text) {
  google::protobuf::Timestamp out;
  if (!google::protobuf::util::TimeUtil::FromString(std::string(text), &out)) return std::nullopt;
  return out;
}

std::optional<std::string> FromBase64(std::string_view text) {
  std::string out;
  if (absl::Base64Unescape(View(text), &out)) return out;
  if (absl::WebSafeBase64Unescape(View(text), &out)) return out;
  return std::nullopt;
}

}  // namespace weft::schema
