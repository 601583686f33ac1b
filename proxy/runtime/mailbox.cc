#include "proxy/runtime/mailbox.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/base/check.h"

namespace weft::runtime {

Mailbox::Mailbox(Reactor& reactor) : reactor_(reactor), event_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  WEFT_CHECK(event_fd_ >= 0);
  WEFT_CHECK(reactor_.Add(event_fd_, this, EPOLLIN | EPOLLET) == 0);
}

Mailbox::~Mailbox() {
  reactor_.Remove(event_fd_, this);
  close(event_fd_);
}

void Mailbox::Post(std::function<void()> work) {
  bool first;
  {
    std::lock_guard lock(mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(work));
  }
  if (first) {
    const uint64_t one = 1;
    // Fails only when the counter is at its maximum, and then the reactor is awake anyway.
    [[maybe_unused]] ssize_t written = write(event_fd_, &one, sizeof one);
  }
}

void Mailbox::OnEvents(uint32_t) {
  uint64_t count;
  [[maybe_unused]] ssize_t got = read(event_fd_, &count, sizeof count);
  {
    std::lock_guard lock(mutex_);
    running_.swap(posted_);
  }
  for (auto& work : running_) work();
  running_.clear();
}

}  // namespace weft::runtime
