// Task<T>: a lazy coroutine that its owner awaits once. Move-only, must be used. It starts when awaited, runs on the
// thread of its awaiter, and destroying it cancels it: the frames of a suspended chain are destroyed from the outside
// in, and what they wait for notices by the destructors of the awaiters (every awaiter of this folder takes itself out
// of what it waits for). Never destroy a Task that is running. Coroutines take parameters by value, or by reference to
// what their Scope outlives; a capturing lambda is never a coroutine.
#ifndef WEFT_PROXY_RUNTIME_TASK_H_
#define WEFT_PROXY_RUNTIME_TASK_H_

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/runtime/frame_pool.h"

namespace weft::runtime {

template <class T>
class Task;

namespace internal {

struct PromiseBase {
  std::coroutine_handle<> continuation;

  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) noexcept {
      std::coroutine_handle<> next = self.promise().continuation;
      return next ? next : std::noop_coroutine();
    }
    void await_resume() noexcept {}
  };

  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }  // nothing throws on the data path

  static void* operator new(size_t size) { return AllocateFrame(size); }
  static void operator delete(void* frame, size_t size) { FreeFrame(frame, size); }
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T Take() { return std::move(*value); }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() noexcept {}
  void Take() noexcept {}
};

}  // namespace internal

template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = internal::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      Destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  ~Task() { Destroy(); }

  explicit operator bool() const { return static_cast<bool>(handle_); }

  auto operator co_await() && noexcept {
    struct Awaiter {
      Handle handle;
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept {
        handle.promise().continuation = caller;
        return handle;
      }
      T await_resume() { return handle.promise().Take(); }
    };
    WEFT_CHECK(handle_);
    return Awaiter{handle_};
  }

  // For combinators of this folder: start with a continuation, look, take, destroy.
  void Start(std::coroutine_handle<> continuation) {
    handle_.promise().continuation = continuation;
    handle_.resume();
  }
  bool done() const { return handle_.done(); }
  T Take() { return handle_.promise().Take(); }
  void Destroy() {
    if (handle_) std::exchange(handle_, {}).destroy();
  }
  Handle Release() { return std::exchange(handle_, {}); }

 private:
  Handle handle_;
};

namespace internal {
template <class T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}
}  // namespace internal

}  // namespace weft::runtime

#endif  // WEFT_PROXY_RUNTIME_TASK_H_
