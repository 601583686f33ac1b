// The version of this source tree, which all three programs print.
#ifndef WEFT_SCHEMA_VERSION_H_
#define WEFT_SCHEMA_VERSION_H_

namespace weft::schema {

inline constexpr char kWeftVersion[] = "0.1.0";

}  // namespace weft::schema

#endif  // WEFT_SCHEMA_VERSION_H_
