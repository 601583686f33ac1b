#include "proxy/runtime/worker.h"

#include <pthread.h>

#include <future>
#include <string>

namespace weft::runtime {

Worker::Worker(int index, const Clock& clock) : index_(index), reactor_(clock), mailbox_(reactor_) {}

Worker::~Worker() { StopAndJoin(); }

void Worker::Start(std::function<void()> on_exit) {
  thread_ = std::thread([this, on_exit = std::move(on_exit)] {
    pthread_setname_np(pthread_self(), ("worker-" + std::to_string(index_)).c_str());
    reactor_.Run();
    if (on_exit) on_exit();
  });
}

void Worker::StopAndJoin() {
  if (!thread_.joinable()) return;
  mailbox_.Post([this] { reactor_.Stop(); });
  thread_.join();
}

void Worker::RunAndWait(std::function<void()> work) {
  if (!thread_.joinable()) {
    work();
    return;
  }
  std::promise<void> done;
  mailbox_.Post([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace weft::runtime
