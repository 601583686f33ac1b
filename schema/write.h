// Protobuf messages → JSON or YAML text, as proto JSON writes them (64-bit numbers as strings, Duration "1.5s", Any
// with
// "@type"). Any thread. Fails with InvalidArgument when an Any holds a type that this program does not link.
#ifndef WEFT_SCHEMA_WRITE_H_
#define WEFT_SCHEMA_WRITE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"

namespace weft::schema {

enum class Spelling { kProto, kCamel };  // static_resources or staticResources

absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message, Spelling spelling, bool indent = false);
absl::StatusOr<std::string> ToYaml(const google::protobuf::Message& message, Spelling spelling);

// Any JSON text as block YAML with the same order of keys. What YAML would take for another type is quoted.
absl::StatusOr<std::string> JsonToYaml(std::string_view json);

}  // namespace weft::schema

#endif  // WEFT_SCHEMA_WRITE_H_
