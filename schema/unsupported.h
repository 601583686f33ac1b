// Fields and types that exist in Envoy and that Weft's .proto files leave out, so that a bootstrap which uses one gets
// "known to Envoy, not supported by Weft yet" instead of "unknown field". Immutable after parsing, any thread.
#ifndef WEFT_SCHEMA_UNSUPPORTED_H_
#define WEFT_SCHEMA_UNSUPPORTED_H_

#include <string>
#include <string_view>
#include <unordered_set>

#include "absl/status/statusor.h"

namespace weft::schema {

class UnsupportedFields {
 public:
  // Lines "message.full.Name field_name", or "message.full.Name *" for a whole type; `#` begins a comment.
  // InvalidArgument names the line that is neither.
  static absl::StatusOr<UnsupportedFields> Parse(std::string_view text);

  // api/envoy/unsupported_fields.txt, embedded at build time.
  static const UnsupportedFields& OfEnvoy();

  bool HasField(std::string_view message, std::string_view field) const;
  bool HasType(std::string_view message) const;
  size_t size() const { return known_.size(); }

 private:
  std::unordered_set<std::string> known_;  // "message field", the field without underscores, in lower case
};

}  // namespace weft::schema

#endif  // WEFT_SCHEMA_UNSUPPORTED_H_
