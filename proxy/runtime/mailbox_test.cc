#include "proxy/runtime/mailbox.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "proxy/runtime/worker.h"

namespace weft::runtime {
namespace {

TEST(Mailbox, RunsPostedWorkInOrderOnTheWorker) {
  Worker worker(0);
  worker.Start();
  std::vector<int> order;
  std::thread::id ran_on;
  for (int i = 0; i < 1000; ++i) {
    worker.mailbox().Post([&, i] {
      order.push_back(i);
      ran_on = std::this_thread::get_id();
    });
  }
  worker.RunAndWait([] {});
  worker.StopAndJoin();
  ASSERT_EQ(order.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[i], i);
  EXPECT_NE(ran_on, std::this_thread::get_id());
}

TEST(Mailbox, TakesWorkFromManyThreads) {
  Worker worker(0);
  worker.Start();
  int count = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) worker.mailbox().Post([&] { ++count; });
    });
  }
  for (auto& thread : threads) thread.join();
  worker.RunAndWait([] {});
  worker.StopAndJoin();
  EXPECT_EQ(count, 2000);
}

TEST(Mailbox, WorkMayPostMoreWork) {
  Worker worker(0);
  worker.Start();
  int count = 0;
  std::function<void()> again = [&] {
    if (++count < 10) worker.mailbox().Post(again);
  };
  worker.mailbox().Post(again);
  for (int i = 0; i < 12; ++i) worker.RunAndWait([] {});
  worker.StopAndJoin();
  EXPECT_EQ(count, 10);
}

}  // namespace
}  // namespace weft::runtime
