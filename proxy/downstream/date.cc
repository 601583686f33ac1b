#include "proxy/downstream/date.h"

#include <time.h>

namespace weft::downstream {

std::string_view HttpDate(int64_t unix_seconds) {
  static thread_local int64_t formatted_for = -1;
  static thread_local char text[32];
  static thread_local size_t size = 0;
  if (formatted_for != unix_seconds) {
    const time_t seconds = unix_seconds;
    tm utc;
    gmtime_r(&seconds, &utc);
    size = strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    formatted_for = unix_seconds;
  }
  return {text, size};
}

}  // namespace weft::downstream
