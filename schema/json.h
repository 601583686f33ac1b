// A parsed node → JSON text. Any thread. Private to schema/.
#ifndef WEFT_SCHEMA_JSON_H_
#define WEFT_SCHEMA_JSON_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "schema/tree.h"

namespace weft::schema {

// Compact. Aliases and merge keys followed within the limits: InvalidArgument beyond them, and for what JSON cannot
// hold.
absl::StatusOr<std::string> NodeToJson(const Node& node, const Limits& limits);

// `text` in quotes, with JSON's escapes; valid in YAML too.
std::string JsonString(std::string_view text);

}  // namespace weft::schema

#endif  // WEFT_SCHEMA_JSON_H_
