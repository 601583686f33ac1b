// Mailbox: how other threads hand work to a worker. Post() may be called from any thread; the work runs on the
// reactor's thread, in order. For configuration, accepted sockets and scrapes, never for a request's own path.
#ifndef WEFT_PROXY_RUNTIME_MAILBOX_H_
#define WEFT_PROXY_RUNTIME_MAILBOX_H_

#include <functional>
#include <mutex>
#include <vector>

#include "proxy/runtime/reactor.h"

namespace weft::runtime {

class Mailbox final : private Watcher {
 public:
  // Call on the reactor's thread, or before it runs.
  explicit Mailbox(Reactor& reactor);
  ~Mailbox() override;

  void Post(std::function<void()> work);  // any thread

 private:
  void OnEvents(uint32_t events) override;

  Reactor& reactor_;
  const int event_fd_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;   // protected by mutex_
  std::vector<std::function<void()>> running_;  // reactor's thread only
};

}  // namespace weft::runtime

#endif  // WEFT_PROXY_RUNTIME_MAILBOX_H_
