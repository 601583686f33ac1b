// ReadyOr<T>: what a function returns that can mostly answer at once and only sometimes has to wait: the value, or the
// Task that will give it. co_await takes both; the value costs no frame. Awaited once, at once: unlike a Task the
// function has already run. One thread.
#ifndef WEFT_PROXY_RUNTIME_READY_OR_H_
#define WEFT_PROXY_RUNTIME_READY_OR_H_

#include <coroutine>
#include <optional>
#include <utility>

#include "proxy/runtime/task.h"

namespace weft::runtime {

template <class T>
class [[nodiscard]] ReadyOr {
 public:
  ReadyOr(T value) : value_(std::move(value)) {}        // NOLINT: implicit on purpose
  ReadyOr(Task<T> later) : later_(std::move(later)) {}  // NOLINT

  bool await_ready() const noexcept { return value_.has_value(); }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept {
    return std::move(later_).operator co_await().await_suspend(caller);
  }
  T await_resume() { return value_ ? std::move(*value_) : later_.Take(); }

 private:
  std::optional<T> value_;
  Task<T> later_;
};

}  // namespace weft::runtime

#endif  // WEFT_PROXY_RUNTIME_READY_OR_H_
