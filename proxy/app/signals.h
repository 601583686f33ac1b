// Signals: what the operating system asks of the process, as calls on the main thread. The signals are blocked from
// construction on, for this thread and for those that it starts later, so make it before any other thread. Owned by
// Process.
#ifndef WEFT_PROXY_APP_SIGNALS_H_
#define WEFT_PROXY_APP_SIGNALS_H_

#include <functional>

#include "proxy/net/socket.h"
#include "proxy/runtime/reactor.h"

namespace weft::app {

class Signals final : private runtime::Watcher {
 public:
  struct Hooks {
    std::function<void()> terminate;    // SIGTERM, SIGINT
    std::function<void()> reopen_logs;  // SIGUSR1
  };
  // SIGPIPE is ignored, too: a closed socket is an error code.
  Signals(runtime::Reactor& reactor, Hooks hooks);
  ~Signals() override;

 private:
  void OnEvents(uint32_t events) override;

  runtime::Reactor& reactor_;
  const Hooks hooks_;
  net::Fd fd_;
};

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_SIGNALS_H_
