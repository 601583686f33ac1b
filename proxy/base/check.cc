#include "proxy/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace weft::base {

void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "weft: %s:%d: broken invariant: %s\n", file, line, condition);
  std::abort();
}

}  // namespace weft::base
