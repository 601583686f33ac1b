// Handshakes cost a hundred times what a request costs. HandshakeGate lets a worker make at most kStepsPerTurn
// handshake steps in one turn of its loop; the others wait, first come first served, so that established traffic is
// never delayed by more. INTERNAL to proxy/tls; one per thread, and only with the reactor of that thread.
#ifndef WEFT_PROXY_TLS_HANDSHAKE_GATE_H_
#define WEFT_PROXY_TLS_HANDSHAKE_GATE_H_

#include <coroutine>
#include <cstdint>

#include "proxy/base/intrusive_list.h"
#include "proxy/runtime/reactor.h"

namespace weft::tls {

class HandshakeGate final : private runtime::Timer {
 public:
  static constexpr int kStepsPerTurn = 8;  // about 1 ms

  static HandshakeGate& ForThisThread();

  class [[nodiscard]] Pass final : public base::ListNode {
   public:
    Pass(HandshakeGate& gate, runtime::Reactor& reactor) : gate_(gate), reactor_(reactor) {}
    ~Pass();
    bool await_ready() const { return gate_.TryTake(reactor_); }
    void await_suspend(std::coroutine_handle<> caller);
    void await_resume() const {}

   private:
    friend class HandshakeGate;
    HandshakeGate& gate_;
    runtime::Reactor& reactor_;
    runtime::ResumeWakeup wakeup_;
  };
  // co_await before each step.
  Pass Enter(runtime::Reactor& reactor) { return Pass(*this, reactor); }

 private:
  bool TryTake(runtime::Reactor& reactor);
  void Arm(runtime::Reactor& reactor);
  void OnTimer() override;

  base::List<Pass> waiting_;
  uint64_t turn_ = 0;
  int taken_ = 0;
};

}  // namespace weft::tls

#endif  // WEFT_PROXY_TLS_HANDSHAKE_GATE_H_
