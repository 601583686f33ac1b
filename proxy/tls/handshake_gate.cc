#include "proxy/tls/handshake_gate.h"

namespace weft::tls {

HandshakeGate& HandshakeGate::ForThisThread() {
  static thread_local HandshakeGate gate;
  return gate;
}

bool HandshakeGate::TryTake(runtime::Reactor& reactor) {
  if (!waiting_.empty()) return false;  // nobody overtakes
  if (turn_ != reactor.turns()) {
    turn_ = reactor.turns();
    taken_ = 0;
  }
  if (taken_ == kStepsPerTurn) return false;
  ++taken_;
  return true;
}

void HandshakeGate::Pass::await_suspend(std::coroutine_handle<> caller) {
  wakeup_.handle = caller;
  gate_.waiting_.PushBack(this);
  if (!gate_.armed()) gate_.Arm(reactor_);
}

HandshakeGate::Pass::~Pass() {
  Unlink();
  // The timer must not outlive the reactor, and the reactor outlives every waiter.
  if (gate_.waiting_.empty()) gate_.Cancel();
}

// The next turn: the wheel never fires within the turn that armed it, and waits for a tick at most.
void HandshakeGate::Arm(runtime::Reactor& reactor) { reactor.timers().Arm(this, reactor.now()); }

void HandshakeGate::OnTimer() {
  runtime::Reactor* reactor = nullptr;
  for (int i = 0; i < kStepsPerTurn; ++i) {
    Pass* pass = waiting_.PopFront();
    if (pass == nullptr) break;
    reactor = &pass->reactor_;
    reactor->MakeReady(&pass->wakeup_);
  }
  if (reactor == nullptr) return;
  turn_ = reactor->turns();
  taken_ = kStepsPerTurn;
  if (!waiting_.empty()) Arm(*reactor);
}

}  // namespace weft::tls
