// Texts that the build puts into the program; embedded.cc is written by a genrule. Private to schema/.
#ifndef WEFT_SCHEMA_EMBEDDED_H_
#define WEFT_SCHEMA_EMBEDDED_H_

#include <string_view>

namespace weft::schema {

// api/envoy/unsupported_fields.txt
std::string_view EmbeddedUnsupportedFields();

}  // namespace weft::schema

#endif  // WEFT_SCHEMA_EMBEDDED_H_
