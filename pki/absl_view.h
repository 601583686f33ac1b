// Debian builds Abseil with a string_view of its own, which neither converts to nor from std::string_view.
#ifndef WEFT_PKI_ABSL_VIEW_H_
#define WEFT_PKI_ABSL_VIEW_H_

#include <string_view>

#include "absl/strings/string_view.h"

namespace weft::pki {

inline absl::string_view AbslView(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view StdView(absl::string_view text) { return {text.data(), text.size()}; }

}  // namespace weft::pki

#endif  // WEFT_PKI_ABSL_VIEW_H_
