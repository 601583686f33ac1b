// Outstanding: how many calls another library's threads still hold, so that who started them can wait for their end.
// Any thread; shared by the calls and their owner.
#ifndef WEFT_PROXY_RUNTIME_OUTSTANDING_H_
#define WEFT_PROXY_RUNTIME_OUTSTANDING_H_

#include <condition_variable>
#include <mutex>

namespace weft::runtime {

class Outstanding {
 public:
  void Begin() {
    std::lock_guard lock(mutex_);
    ++count_;
  }
  void End() {
    std::lock_guard lock(mutex_);
    if (--count_ == 0) none_.notify_all();
  }
  void WaitUntilNone() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  int count_ = 0;  // protected by mutex_
};

}  // namespace weft::runtime

#endif  // WEFT_PROXY_RUNTIME_OUTSTANDING_H_
