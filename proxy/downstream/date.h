// The Date field (RFC 9110 section 5.6.7), formatted once per second and thread.
#ifndef WEFT_PROXY_DOWNSTREAM_DATE_H_
#define WEFT_PROXY_DOWNSTREAM_DATE_H_

#include <cstdint>
#include <string_view>

namespace weft::downstream {

// Valid until the next call on this thread.
std::string_view HttpDate(int64_t unix_seconds);

}  // namespace weft::downstream

#endif  // WEFT_PROXY_DOWNSTREAM_DATE_H_
