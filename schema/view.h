// Abseil's string_view is a type of its own here and is not made from a std::string_view by itself.
#ifndef WEFT_SCHEMA_VIEW_H_
#define WEFT_SCHEMA_VIEW_H_

#include <string_view>

#include "absl/strings/string_view.h"

namespace weft::schema {

inline absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace weft::schema

#endif  // WEFT_SCHEMA_VIEW_H_
