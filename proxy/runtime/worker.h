// Worker: one thread, its Reactor, its Mailbox. The data path of a connection lives on one worker from accept to close.
// Workers are made and joined by app/ on the main thread.
#ifndef WEFT_PROXY_RUNTIME_WORKER_H_
#define WEFT_PROXY_RUNTIME_WORKER_H_

#include <functional>
#include <thread>

#include "proxy/runtime/mailbox.h"
#include "proxy/runtime/reactor.h"

namespace weft::runtime {

class Worker {
 public:
  explicit Worker(int index, const Clock& clock = SystemClock());
  ~Worker();

  int index() const { return index_; }
  Reactor& reactor() { return reactor_; }  // worker thread only
  Mailbox& mailbox() { return mailbox_; }  // any thread

  // Starts the thread. `on_exit` runs on it after the loop stopped, to destroy what lives on this thread.
  void Start(std::function<void()> on_exit = {});
  // Any thread: stops the loop at the end of its turn and waits for the thread.
  void StopAndJoin();
  // Any thread but the worker's: runs `work` on the worker and waits for it. Runs it here when the thread is not
  // running.
  void RunAndWait(std::function<void()> work);

 private:
  const int index_;
  Reactor reactor_;
  Mailbox mailbox_;
  std::thread thread_;
};

// One per CPU that the cgroup (v1 or v2: quota and cpuset) grants, rounded up; without a limit min(2, CPUs).
int DefaultConcurrency();

}  // namespace weft::runtime

#endif  // WEFT_PROXY_RUNTIME_WORKER_H_
