// Later and Alarm: a wakeup and a timer that call their owner, for who has several of a kind and is neither itself.
// Members of their owner: destroying it takes them out. One thread.
#ifndef WEFT_PROXY_RUNTIME_CALLBACKS_H_
#define WEFT_PROXY_RUNTIME_CALLBACKS_H_

#include <functional>
#include <utility>

#include "proxy/runtime/reactor.h"
#include "proxy/runtime/timer_wheel.h"

namespace weft::runtime {

class Later final : public Wakeup {
 public:
  explicit Later(std::function<void()> call) : call_(std::move(call)) {}
  void OnWakeup() override { call_(); }

 private:
  const std::function<void()> call_;
};

class Alarm final : public Timer {
 public:
  explicit Alarm(std::function<void()> call) : call_(std::move(call)) {}
  void OnTimer() override { call_(); }

 private:
  const std::function<void()> call_;
};

}  // namespace weft::runtime

#endif  // WEFT_PROXY_RUNTIME_CALLBACKS_H_
