// What a coroutine can wait for besides a socket: an Event, a Signal, a time (SleepUntil), the others of
// its thread (NextTurn), and another task within bounds (Within).
// One thread. All of them take themselves out when the waiting frame is destroyed.
#ifndef WEFT_PROXY_RUNTIME_WAIT_H_
#define WEFT_PROXY_RUNTIME_WAIT_H_

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "proxy/base/intrusive_list.h"
#include "proxy/runtime/reactor.h"
#include "proxy/runtime/task.h"

namespace weft::runtime {

// A flag that one coroutine can wait for. Set() wakes it later in the same turn; waiting takes the flag down.
class Event {
 public:
  explicit Event(Reactor& reactor) : reactor_(reactor) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void Set() {
    set_ = true;
    if (waiter_ != nullptr) reactor_.MakeReady(&waiter_->wakeup);
  }
  bool is_set() const { return set_; }

  struct [[nodiscard]] Awaiter {
    Event& event;
    ResumeWakeup wakeup;
    explicit Awaiter(Event& e) : event(e) {}
    ~Awaiter() {
      if (event.waiter_ == this) event.waiter_ = nullptr;
    }
    bool await_ready() const { return event.set_; }
    void await_suspend(std::coroutine_handle<> caller) {
      WEFT_CHECK(event.waiter_ == nullptr);
      wakeup.handle = caller;
      event.waiter_ = this;
    }
    void await_resume() {
      event.set_ = false;
      event.waiter_ = nullptr;
    }
  };
  Awaiter Wait() { return Awaiter(*this); }

 private:
  friend struct Awaiter;
  Reactor& reactor_;
  bool set_ = false;
  Awaiter* waiter_ = nullptr;
};

// Something that happens again and again, and that many coroutines may wait for: Notify() wakes all that wait now.
class Signal {
 public:
  explicit Signal(Reactor& reactor) : reactor_(reactor) {}
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  void Notify() {
    while (Wakeup* waiter = waiters_.PopFront()) reactor_.MakeReady(waiter);
  }
  struct [[nodiscard]] Awaiter {
    Signal& signal;
    ResumeWakeup wakeup;
    explicit Awaiter(Signal& s) : signal(s) {}
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> caller) {
      wakeup.handle = caller;
      signal.waiters_.PushBack(&wakeup);
    }
    void await_resume() {}
  };
  Awaiter Next() { return Awaiter(*this); }

 private:
  friend struct Awaiter;
  Reactor& reactor_;
  base::List<Wakeup> waiters_;
};

// co_await SleepUntil(reactor, deadline): resumes at the deadline, to a tick of the wheel.
class [[nodiscard]] SleepUntil final : public Timer {
 public:
  SleepUntil(Reactor& reactor, TimePoint deadline) : reactor_(reactor), deadline_(deadline) {}
  bool await_ready() const { return deadline_ <= reactor_.now(); }
  void await_suspend(std::coroutine_handle<> caller) {
    caller_ = caller;
    reactor_.timers().Arm(this, deadline_);
  }
  void await_resume() {}
  void OnTimer() override { caller_.resume(); }

 private:
  Reactor& reactor_;
  TimePoint deadline_;
  std::coroutine_handle<> caller_;
};

// co_await NextTurn(reactor): goes on when the other sockets and timers of this thread had their turn.
class [[nodiscard]] NextTurn {
 public:
  explicit NextTurn(Reactor& reactor) : reactor_(reactor) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> caller) {
    wakeup_.handle = caller;
    reactor_.InNextTurn(&wakeup_);
  }
  void await_resume() {}

 private:
  Reactor& reactor_;
  ResumeWakeup wakeup_;
};

// What one loop may do in one turn. A peer that is always ready never makes it wait, so the loop itself has to give
// way:
//   if (share.Spend(bytes)) co_await NextTurn(reactor);
class TurnShare {
 public:
  TurnShare(const Reactor& reactor, size_t most) : reactor_(reactor), most_(most) {}
  // True: the share of this turn is used up. Waiting for anything brings a new one.
  bool Spend(size_t amount) {
    if (std::exchange(turn_, reactor_.turns()) != reactor_.turns()) spent_ = 0;
    spent_ += amount;
    return spent_ >= most_;
  }

 private:
  const Reactor& reactor_;
  const size_t most_;
  uint64_t turn_ = 0;
  size_t spent_ = 0;
};

// A signal that whole trees of tasks listen to: the client went away, the listener is closing. Listeners are told later
// in the same turn, from the top of the loop.
class Cancellation {
 public:
  explicit Cancellation(Reactor& reactor) : reactor_(reactor) {}
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;

  void Cancel() {
    cancelled_ = true;
    while (Listener* listener = listeners_.PopFront()) reactor_.MakeReady(listener);
  }
  bool cancelled() const { return cancelled_; }

  using Listener = Wakeup;
  void Listen(Listener* listener) { listeners_.PushBack(listener); }

 private:
  Reactor& reactor_;
  bool cancelled_ = false;
  base::List<Listener> listeners_;
};

enum class Outcome : uint8_t { kDone, kDeadline, kCancelled };

// co_await Within(reactor, deadline, cancellation, task): runs `task` until it ends, the deadline passes or the
// cancellation is signalled; then destroys it. The timer is armed only when the task really suspends. `cancellation`
// may be null.
template <class T>
class [[nodiscard]] Within final : private Timer, private Wakeup {
 public:
  Within(Reactor& reactor, TimePoint deadline, Cancellation* cancellation, Task<T> task)
      : reactor_(reactor), deadline_(deadline), cancellation_(cancellation), task_(std::move(task)) {}

  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
  struct Ended {
    Outcome outcome;
    std::optional<Value> value;  // set exactly when outcome is kDone
  };

  bool await_ready() {
    if (cancellation_ != nullptr && cancellation_->cancelled()) {
      outcome_ = Outcome::kCancelled;
      task_.Destroy();
      return true;
    }
    return false;
  }
  bool await_suspend(std::coroutine_handle<> caller) {
    caller_ = caller;
    task_.Start(std::noop_coroutine());
    if (task_.done()) return false;
    handle_ = task_.Release();
    handle_.promise().continuation = caller;
    if (deadline_ != kNever) reactor_.timers().Arm(this, deadline_);
    if (cancellation_ != nullptr) {
      if (cancellation_->cancelled()) {
        reactor_.MakeReady(this);
      } else {
        cancellation_->Listen(this);
      }
    }
    return true;
  }
  Ended await_resume() {
    if (handle_) task_ = Task<T>(std::exchange(handle_, {}));
    Timer::Cancel();
    Wakeup::Unlink();
    if (outcome_ != Outcome::kDone) return Ended{outcome_, std::nullopt};
    if constexpr (std::is_void_v<T>) {
      return Ended{Outcome::kDone, std::monostate()};
    } else {
      return Ended{Outcome::kDone, task_.Take()};
    }
  }
  ~Within() override {
    if (handle_) handle_.destroy();
  }

 private:
  void OnTimer() override { Finish(Outcome::kDeadline); }
  void OnWakeup() override { Finish(Outcome::kCancelled); }
  void Finish(Outcome outcome) {
    outcome_ = outcome;
    std::exchange(handle_, {}).destroy();
    caller_.resume();
  }

  Reactor& reactor_;
  TimePoint deadline_;
  Cancellation* cancellation_;
  Task<T> task_;
  typename Task<T>::Handle handle_;
  std::coroutine_handle<> caller_;
  Outcome outcome_ = Outcome::kDone;
};

}  // namespace weft::runtime

#endif  // WEFT_PROXY_RUNTIME_WAIT_H_
