// Scope owns running tasks: Spawn() starts one, destroying or cancelling the Scope destroys those that have not ended.
// There is no detached coroutine anywhere. One thread. Never cancelled or destroyed from inside one of its own tasks.
#ifndef WEFT_PROXY_RUNTIME_SCOPE_H_
#define WEFT_PROXY_RUNTIME_SCOPE_H_

#include <coroutine>
#include <utility>

#include "proxy/base/intrusive_list.h"
#include "proxy/runtime/task.h"
#include "proxy/runtime/wait.h"

namespace weft::runtime {

class Scope {
 public:
  explicit Scope(Reactor& reactor) : ended_(reactor) {}
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope() { Cancel(); }

  // Runs the task until it first waits, and keeps it.
  void Spawn(Task<void> task) { Run(this, std::move(task)); }
  // Destroys every task that has not ended.
  void Cancel() {
    while (Node* node = running_.front()) {
      node->Unlink();
      --count_;
      node->handle.destroy();
    }
  }
  bool empty() const { return running_.empty(); }
  size_t size() const { return count_; }
  // Waits until no task is left.
  Task<void> Join() {
    while (!running_.empty()) co_await ended_.Wait();
  }

 private:
  struct Node : base::ListNode {
    std::coroutine_handle<> handle;
  };
  // The outermost frame of a spawned task.
  struct Root {
    struct promise_type {
      Node node;
      promise_type(Scope* scope, Task<void>&) : scope(scope) {}
      Scope* scope;
      Root get_return_object() {
        node.handle = std::coroutine_handle<promise_type>::from_promise(*this);
        scope->running_.PushBack(&node);
        ++scope->count_;
        return {};
      }
      std::suspend_never initial_suspend() noexcept { return {}; }
      std::suspend_never final_suspend() noexcept { return {}; }  // the frame frees itself
      void return_void() noexcept {
        node.Unlink();
        --scope->count_;
        scope->ended_.Set();
      }
      [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
      static void* operator new(size_t size) { return AllocateFrame(size); }
      static void operator delete(void* frame, size_t size) { FreeFrame(frame, size); }
    };
  };
  static Root Run(Scope* scope, Task<void> task) { co_await std::move(task); }

  Event ended_;
  base::List<Node> running_;
  size_t count_ = 0;
};

}  // namespace weft::runtime

#endif  // WEFT_PROXY_RUNTIME_SCOPE_H_
