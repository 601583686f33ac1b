// What Kubernetes and HTTP allow as names. Pure, any thread. Each Check… returns what is wrong, in words that end a
// sentence beginning with the value, or an empty text.
#ifndef WEFT_CONTROL_SOURCE_NAMES_H_
#define WEFT_CONTROL_SOURCE_NAMES_H_

#include <string>
#include <string_view>

namespace weft::control::source {

// RFC 1123 label: lower-case letters, digits and '-', 1 to 63 characters, begins and ends with a letter or digit.
std::string CheckLabel(std::string_view text);
// Labels joined by '.', up to 253 characters.
std::string CheckSubdomain(std::string_view text);
// A subdomain that is no IP address; with `wildcard` also "*." before it.
std::string CheckHost(std::string_view text, bool wildcard);
// Of metadata.labels and selectors: [PREFIX/]NAME, and the value.
std::string CheckLabelKey(std::string_view text);
std::string CheckLabelValue(std::string_view text);
// RFC 9110 token; none of the connection's own headers, no pseudo header.
std::string CheckHeaderName(std::string_view text);
// No control characters, no blanks at the ends.
std::string CheckHeaderValue(std::string_view text);
// Compiles with RE2.
std::string CheckRegex(std::string_view text);

// The canonical form of an IPv4 or IPv6 address, empty when it is none.
std::string CanonicalIp(std::string_view text);

}  // namespace weft::control::source

#endif  // WEFT_CONTROL_SOURCE_NAMES_H_
