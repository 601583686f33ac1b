// What a plain scalar means (YAML 1.2 core schema, JSON being a part of it), and checked conversions. Pure functions,
// any thread. Private to schema/.
#ifndef WEFT_SCHEMA_SCALAR_H_
#define WEFT_SCHEMA_SCALAR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace weft::schema {

enum class ScalarType { kNull, kBool, kInteger, kFloat, kText };

ScalarType TypeOf(std::string_view text);

// Decimal, 0x and 0o, and whole numbers written as 1e3 or 5.0. Nullopt: no such number, or beyond the type's range.
std::optional<int64_t> ToInt64(std::string_view text);
std::optional<uint64_t> ToUint64(std::string_view text);

// Any number, also .inf, .nan and JSON's "Infinity", "-Infinity", "NaN". Nullopt: no number, or too large for a double.
std::optional<double> ToDouble(std::string_view text);

// "1.5s": seconds with at most 9 decimals, within ±10,000 years; with `units` also "1h30m", "500ms".
std::optional<google::protobuf::Duration> ToDuration(std::string_view text, bool units);

// RFC 3339, year 1 to 9999.
std::optional<google::protobuf::Timestamp> ToTimestamp(std::string_view text);

// Both base64 alphabets, with or without padding.
std::optional<std::string> FromBase64(std::string_view text);

}  // namespace weft::schema

#endif  // WEFT_SCHEMA_SCALAR_H_
