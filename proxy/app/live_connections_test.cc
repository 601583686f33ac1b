#include "proxy/app/live_connections.h"

#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace weft::app {
namespace {

class Connection final : public LiveConnection {
 public:
  explicit Connection(std::string listener) : listener_(std::move(listener)) {}
  std::string_view listener() const override { return listener_; }
  void Review(const config::Snapshot& snapshot) override {
    ++reviews;
    seen = snapshot.FindListener(listener_);
  }
  void BeginDrain() override { ++drains; }

  int reviews = 0, drains = 0;
  const config::Listener* seen = nullptr;

 private:
  const std::string listener_;
};

using ListenerPtr = std::shared_ptr<const config::Listener>;

ListenerPtr New() { return std::make_shared<const config::Listener>(); }

config::Snapshot With(ListenerPtr in, ListenerPtr out) {
  config::Snapshot snapshot;
  if (in != nullptr) snapshot.listeners.emplace("in", std::move(in));
  if (out != nullptr) snapshot.listeners.emplace("out", std::move(out));
  return snapshot;
}

TEST(LiveConnectionsTest, ReviewsThoseOfChangedListenersOnly) {
  LiveConnections live;
  const ListenerPtr in = New(), out = New();
  live.Review(With(in, out));
  Connection inbound("in"), outbound("out");
  live.Add(&inbound);
  live.Add(&outbound);

  live.Review(With(in, out));
  EXPECT_EQ(inbound.reviews + outbound.reviews, 0);
  const ListenerPtr newer = New();
  live.Review(With(newer, out));
  EXPECT_EQ(inbound.reviews, 1);
  EXPECT_EQ(inbound.seen, newer.get());
  EXPECT_EQ(outbound.reviews, 0);
  live.Review(With(newer, out));
  EXPECT_EQ(inbound.reviews, 1);
}

TEST(LiveConnectionsTest, ListenerThatIsGoneLeavesItsConnectionsAloneUntilItComesBack) {
  LiveConnections live;
  const ListenerPtr in = New();
  live.Review(With(in, nullptr));
  Connection inbound("in");
  live.Add(&inbound);
  live.Review(With(nullptr, nullptr));
  EXPECT_EQ(inbound.reviews, 0);
  live.Review(With(in, nullptr));
  EXPECT_EQ(inbound.reviews, 1);
}

// The allocator likes to give a new object the address of the one that has just died.
TEST(LiveConnectionsTest, NewListenerAtTheAddressOfADeadOneIsNew) {
  LiveConnections live;
  live.Review(With(New(), nullptr));  // dies with its Snapshot
  Connection inbound("in");
  live.Add(&inbound);
  for (int i = 1; i <= 100; ++i) {
    live.Review(With(New(), nullptr));
    ASSERT_EQ(inbound.reviews, i);
  }
}

TEST(LiveConnectionsTest, DrainReachesAllThatLive) {
  LiveConnections live;
  Connection first("in"), second("out");
  live.Add(&first);
  live.Add(&second);
  {
    Connection ended("in");
    live.Add(&ended);
  }
  live.BeginDrain();
  EXPECT_EQ(first.drains, 1);
  EXPECT_EQ(second.drains, 1);
}

}  // namespace
}  // namespace weft::app
