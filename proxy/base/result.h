// Result<T> is a T or the Failure that prevented it: the return type of everything on the data path. Plain value; any
// thread.
#ifndef WEFT_PROXY_BASE_RESULT_H_
#define WEFT_PROXY_BASE_RESULT_H_

#include <utility>
#include <variant>

#include "proxy/base/check.h"
#include "proxy/base/failure.h"

namespace weft::base {

struct Unit {};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}            // NOLINT: implicit on purpose
  Result(Failure failure) : state_(std::in_place_index<1>, std::move(failure)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  T& value() & {
    WEFT_CHECK(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    WEFT_CHECK(ok());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    WEFT_CHECK(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }

  Failure& failure() & {
    WEFT_CHECK(!ok());
    return *std::get_if<1>(&state_);
  }
  const Failure& failure() const& {
    WEFT_CHECK(!ok());
    return *std::get_if<1>(&state_);
  }
  Failure&& failure() && {
    WEFT_CHECK(!ok());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, Failure> state_;
};

// The outcome of something that has nothing to return: Result<Unit>.
using Status = Result<Unit>;
inline Status Ok() { return Unit{}; }

}  // namespace weft::base

#endif  // WEFT_PROXY_BASE_RESULT_H_
