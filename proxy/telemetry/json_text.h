// Writes text as JSON (RFC 8259). Bytes that are not UTF-8 become U+FFFD, so that the result always is. Pure functions.
#ifndef WEFT_PROXY_TELEMETRY_JSON_TEXT_H_
#define WEFT_PROXY_TELEMETRY_JSON_TEXT_H_

#include <string>
#include <string_view>

namespace weft::telemetry {

// With the quotes.
void AppendJsonString(std::string_view text, std::string* out);

}  // namespace weft::telemetry

#endif  // WEFT_PROXY_TELEMETRY_JSON_TEXT_H_
