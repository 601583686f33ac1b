#include "proxy/runtime/task.h"

#include <gtest/gtest.h>

#include "proxy/runtime/reactor.h"
#include "proxy/runtime/scope.h"
#include "proxy/runtime/wait.h"

namespace weft::runtime {
namespace {

using std::chrono::milliseconds;

class TaskTest : public testing::Test {
 protected:
  void Turn(Duration by = Duration::zero()) {
    clock_.Advance(by);
    reactor_.RunOnce(Duration::zero());
  }
  FakeClock clock_;
  Reactor reactor_{clock_};
};

// Tells when its frame is destroyed.
struct Guard {
  bool* gone;
  ~Guard() { *gone = true; }
};

Task<int> Add(int a, int b) { co_return a + b; }
Task<int> Twice(int a) {
  const int once = co_await Add(a, 0);
  co_return co_await Add(once, once);
}
Task<void> Store(int value, int* into) { *into = co_await Twice(value); }

TEST_F(TaskTest, RunsWhenSpawnedAndReturnsValues) {
  Scope scope(reactor_);
  int result = 0;
  scope.Spawn(Store(21, &result));
  EXPECT_EQ(result, 42);
  EXPECT_TRUE(scope.empty());
}

Task<void> NeverWaits(Reactor& reactor, int* steps, bool* gone) {
  Guard guard{gone};
  TurnShare share(reactor, 10);
  for (;;) {
    ++*steps;
    if (share.Spend(5)) co_await NextTurn(reactor);
  }
}

// A stream that was always ready kept its thread for itself as long as it went on.
TEST_F(TaskTest, WhatNeverWaitsGivesWayEachTurn) {
  Scope scope(reactor_);
  int steps = 0;
  bool gone = false;
  Turn();
  scope.Spawn(NeverWaits(reactor_, &steps, &gone));
  EXPECT_EQ(steps, 2);
  Turn();
  EXPECT_EQ(steps, 4);                      // once in a turn, however often it gives way
  reactor_.RunOnce(std::chrono::hours(1));  // does not sleep: there is work left
  EXPECT_EQ(steps, 6);
  scope.Cancel();
  EXPECT_TRUE(gone);
  Turn();
  EXPECT_EQ(steps, 6);
}

Task<void> WaitThenSet(Event& event, bool* done, bool* gone) {
  Guard guard{gone};
  co_await event.Wait();
  *done = true;
}

TEST_F(TaskTest, EventWakesAtTheTopOfTheLoop) {
  Scope scope(reactor_);
  Event event(reactor_);
  bool done = false, gone = false;
  scope.Spawn(WaitThenSet(event, &done, &gone));
  event.Set();
  EXPECT_FALSE(done);  // never nested in the code that set it
  Turn();
  EXPECT_TRUE(done);
  EXPECT_TRUE(gone);
}

TEST_F(TaskTest, CancellingAScopeDestroysWhatWaits) {
  Event event(reactor_);
  bool done = false, gone = false;
  {
    Scope scope(reactor_);
    scope.Spawn(WaitThenSet(event, &done, &gone));
    event.Set();  // even when it is already on the ready list
  }
  Turn();
  EXPECT_FALSE(done);
  EXPECT_TRUE(gone);
}

Task<int> SlowAnswer(Event& event, bool* gone) {
  Guard guard{gone};
  co_await event.Wait();
  co_return 7;
}
Task<void> Bounded(Reactor& reactor, TimePoint deadline, Cancellation* stop, Event& event, bool* gone, Outcome* outcome,
                   int* value) {
  auto ended = co_await Within(reactor, deadline, stop, SlowAnswer(event, gone));
  *outcome = ended.outcome;
  if (ended.value) *value = *ended.value;
}

TEST_F(TaskTest, WithinEndsByTheTaskByTheDeadlineOrByCancellation) {
  for (int way = 0; way < 3; ++way) {
    Scope scope(reactor_);
    Event event(reactor_);
    Cancellation stop(reactor_);
    bool gone = false;
    Outcome outcome{};
    int value = 0;
    scope.Spawn(Bounded(reactor_, reactor_.now() + milliseconds(100), &stop, event, &gone, &outcome, &value));
    EXPECT_FALSE(gone);
    if (way == 0) event.Set();
    if (way == 1) Turn(milliseconds(150));
    if (way == 2) stop.Cancel();
    Turn();
    EXPECT_TRUE(gone);
    EXPECT_TRUE(scope.empty());
    EXPECT_EQ(outcome, way == 0 ? Outcome::kDone : way == 1 ? Outcome::kDeadline : Outcome::kCancelled);
    EXPECT_EQ(value, way == 0 ? 7 : 0);
  }
}

TEST_F(TaskTest, WithinStartsNothingAfterCancellation) {
  Scope scope(reactor_);
  Event event(reactor_);
  Cancellation stop(reactor_);
  stop.Cancel();
  bool gone = false;
  Outcome outcome{};
  int value = 0;
  event.Set();
  scope.Spawn(Bounded(reactor_, kNever, &stop, event, &gone, &outcome, &value));
  EXPECT_EQ(outcome, Outcome::kCancelled);
  EXPECT_FALSE(gone);  // the body never ran
}

Task<void> NextTwice(Signal& signal, int* count) {
  co_await signal.Next();
  ++*count;
  co_await signal.Next();
  ++*count;
}

TEST_F(TaskTest, SignalWakesAllThatWaitEachTime) {
  Scope scope(reactor_);
  Signal signal(reactor_);
  int count = 0;
  for (int i = 0; i < 3; ++i) scope.Spawn(NextTwice(signal, &count));
  signal.Notify();
  Turn();
  EXPECT_EQ(count, 3);
  signal.Notify();
  Turn();
  EXPECT_EQ(count, 6);
  EXPECT_TRUE(scope.empty());
}

Task<void> Nap(Reactor& reactor, Duration nap, int* count) {
  co_await SleepUntil(reactor, reactor.now() + nap);
  ++*count;
}
Task<void> JoinThenCount(Scope& scope, int* count) {
  co_await scope.Join();
  *count += 100;
}

TEST_F(TaskTest, JoinWaitsForAll) {
  Scope scope(reactor_), outer(reactor_);
  int count = 0;
  scope.Spawn(Nap(reactor_, milliseconds(10), &count));
  scope.Spawn(Nap(reactor_, milliseconds(50), &count));
  outer.Spawn(JoinThenCount(scope, &count));
  Turn(milliseconds(20));
  EXPECT_EQ(count, 1);
  Turn(milliseconds(100));
  Turn();
  EXPECT_EQ(count, 102);
}

}  // namespace
}  // namespace weft::runtime
