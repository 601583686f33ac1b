// CHECK for invariants that are ours: it prints where and why and aborts. Never for anything that a peer or a file can
// cause.
#ifndef WEFT_PROXY_BASE_CHECK_H_
#define WEFT_PROXY_BASE_CHECK_H_

namespace weft::base {
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);
}  // namespace weft::base

#define WEFT_CHECK(condition)                                    \
  do {                                                           \
    if (!(condition)) [[unlikely]]                               \
      ::weft::base::CheckFailed(__FILE__, __LINE__, #condition); \
  } while (0)

#endif  // WEFT_PROXY_BASE_CHECK_H_
