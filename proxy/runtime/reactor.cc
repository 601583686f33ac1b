#include "proxy/runtime/reactor.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>

#include "proxy/base/check.h"

namespace weft::runtime {

Reactor::Reactor(const Clock& clock)
    : clock_(clock), now_(clock.Monotonic()), timers_(now_), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  WEFT_CHECK(epoll_ >= 0);
}

Reactor::~Reactor() { close(epoll_); }

int Reactor::Add(int fd, Watcher* watcher, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = watcher;
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
}

void Reactor::Remove(int fd, Watcher* watcher) {
  if (fd >= 0) epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
  for (int i = 0; i < batch_size_; ++i) {  // events of this batch that were not dispatched yet
    if (events_[i].data.ptr == watcher) events_[i].data.ptr = nullptr;
  }
}

void Reactor::RunReady() {
  while (Wakeup* wakeup = ready_.PopFront()) wakeup->OnWakeup();
}

void Reactor::RunOnce(Duration max_wait) {
  Duration wait = max_wait;
  if (!ready_.empty() || !next_turn_.empty()) {
    wait = Duration::zero();
  } else if (const TimePoint next = timers_.NextDeadline(); next != kNever) {
    wait = std::clamp(next - now_, Duration::zero(), wait);
  }
  using std::chrono::milliseconds;
  const auto rounded = std::chrono::ceil<milliseconds>(std::min<Duration>(wait, std::chrono::hours(1)));
  const int count = epoll_wait(epoll_, events_, kBatch, static_cast<int>(rounded.count()));
  now_ = clock_.Monotonic();
  ++turns_;
  batch_size_ = std::max(count, 0);
  for (int i = 0; i < batch_size_; ++i) {
    auto* watcher = static_cast<Watcher*>(events_[i].data.ptr);
    if (watcher != nullptr) watcher->OnEvents(events_[i].events);
  }
  batch_size_ = 0;
  ready_.Splice(next_turn_);
  RunReady();
  timers_.Advance(now_);
  RunReady();
  while (Wakeup* wakeup = end_of_turn_.PopFront()) {
    wakeup->OnWakeup();
    RunReady();
  }
}

void Reactor::Run() {
  stopping_ = false;
  while (!stopping_) {
    RunOnce(std::chrono::hours(1));
  }
}

}  // namespace weft::runtime
