// Reactor: one epoll instance, one timer wheel and one queue of coroutines to resume: the loop of one worker thread.
// Sockets are registered once, edge-triggered, for everything. Time stands still within a turn. Everything here belongs
// to the thread that runs the loop, except Mailbox.
//
// Order of a turn: epoll_wait, I/O events, ready coroutines (until none is left) with those that gave way in the last
// turn, timers, ready coroutines again, end-of-turn callbacks.
#ifndef WEFT_PROXY_RUNTIME_REACTOR_H_
#define WEFT_PROXY_RUNTIME_REACTOR_H_

#include <sys/epoll.h>

#include <coroutine>
#include <cstdint>

#include "proxy/base/intrusive_list.h"
#include "proxy/runtime/clock.h"
#include "proxy/runtime/timer_wheel.h"

namespace weft::runtime {

// Something to be resumed at the top of the loop, never nested in the code that made it ready. Destroying it takes it
// out.
class Wakeup : public base::ListNode {
 public:
  virtual ~Wakeup() = default;
  virtual void OnWakeup() = 0;
};

// A descriptor's owner. Add() registers it for EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET.
class Watcher {
 public:
  virtual ~Watcher() = default;
  // `events` as epoll gives them. May destroy this or any other watcher.
  virtual void OnEvents(uint32_t events) = 0;
};

class Reactor {
 public:
  explicit Reactor(const Clock& clock = SystemClock());
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;
  ~Reactor();

  // The watcher must Remove() itself before it dies. Returns 0 or errno.
  int Add(int fd, Watcher* watcher, uint32_t events = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET);
  // The descriptor may already be closed (closing takes it out of epoll by itself): pass -1 then.
  void Remove(int fd, Watcher* watcher);

  // Runs `wakeup` later in this turn. A wakeup that is already queued stays where it is.
  void MakeReady(Wakeup* wakeup) {
    if (!wakeup->linked()) ready_.PushBack(wakeup);
  }
  // Runs `wakeup` after everything else of this turn: one flush per turn, deferred destruction.
  void AtEndOfTurn(Wakeup* wakeup) {
    if (!wakeup->linked()) end_of_turn_.PushBack(wakeup);
  }
  // Runs `wakeup` in the next turn, after its I/O events: for who has work left and lets the others of this thread go
  // first.
  void InNextTurn(Wakeup* wakeup) {
    if (!wakeup->linked()) next_turn_.PushBack(wakeup);
  }

  TimePoint now() const { return now_; }
  const Clock& clock() const { return clock_; }
  TimerWheel& timers() { return timers_; }

  // One turn; waits for at most `max_wait`.
  void RunOnce(Duration max_wait);
  // Turns until Stop().
  void Run();
  void Stop() { stopping_ = true; }
  bool stopping() const { return stopping_; }

  uint64_t turns() const { return turns_; }

 private:
  static constexpr int kBatch = 128;
  void RunReady();

  const Clock& clock_;
  TimePoint now_;
  TimerWheel timers_;
  int epoll_;
  bool stopping_ = false;
  uint64_t turns_ = 0;
  base::List<Wakeup> ready_;
  base::List<Wakeup> next_turn_;
  base::List<Wakeup> end_of_turn_;
  epoll_event events_[kBatch];
  int batch_size_ = 0;  // of the batch being dispatched
};

// Resumes one suspended coroutine through the ready queue.
class ResumeWakeup final : public Wakeup {
 public:
  std::coroutine_handle<> handle;
  void OnWakeup() override { handle.resume(); }
};

}  // namespace weft::runtime

#endif  // WEFT_PROXY_RUNTIME_REACTOR_H_
