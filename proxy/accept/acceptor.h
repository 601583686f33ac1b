// Acceptor: one listening socket of one worker. Accepts in bounded batches, survives running out of descriptors, and
// hands each socket to its sink. Worker thread only.
#ifndef WEFT_PROXY_ACCEPT_ACCEPTOR_H_
#define WEFT_PROXY_ACCEPT_ACCEPTOR_H_

#include <string>
#include <utility>

#include "proxy/net/socket.h"
#include "proxy/runtime/reactor.h"

namespace weft::accept {

struct Accepted {
  net::Fd fd;
  base::Address peer;
};

class Sink {
 public:
  virtual ~Sink() = default;
  virtual void OnAccepted(const std::string& listener, Accepted accepted) = 0;
  // accept() failed for want of descriptors or memory; the acceptor pauses and goes on by itself.
  virtual void OnOutOfResources(int error) = 0;
};

class Acceptor final : private runtime::Watcher, private runtime::Wakeup, private runtime::Timer {
 public:
  static constexpr int kBatch = 64;  // accepted in one go before others have their turn
  static constexpr runtime::Duration kPause = std::chrono::milliseconds(50);

  // Takes a listening socket. Accepts nothing before Start().
  Acceptor(runtime::Reactor& reactor, net::Fd listening, std::string listener, Sink& sink);
  ~Acceptor() override;

  void Start();
  // Takes what is queued in the kernel, then closes: nobody who was let in is reset.
  void DrainAndClose();
  const std::string& listener() const { return listener_; }
  void set_listener(std::string listener) { listener_ = std::move(listener); }
  bool started() const { return started_; }

 private:
  void OnEvents(uint32_t) override { AcceptBatch(); }
  void OnWakeup() override { AcceptBatch(); }
  void OnTimer() override { AcceptBatch(); }
  void AcceptBatch();
  bool AcceptOne();  // false: nothing more for now

  runtime::Reactor& reactor_;
  net::Fd fd_;
  std::string listener_;
  Sink& sink_;
  bool started_ = false;
};

}  // namespace weft::accept

#endif  // WEFT_PROXY_ACCEPT_ACCEPTOR_H_
