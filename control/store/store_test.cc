#include "control/store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "control/store/scratch_directory.h"

namespace weft::control::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const absl::Time kNow = absl::UnixEpoch() + absl::Hours(24 * 365 * 50);

model::ObjectKey Route(const std::string& name) { return {model::Kind::kHttpRoute, {"shop", name}}; }
model::ObjectKey Service(const std::string& name) { return {model::Kind::kService, {"shop", name}}; }

Write Put(const model::ObjectKey& key, const std::string& bytes, int64_t expected = 0) {
  Write write{key, bytes, static_cast<int64_t>(std::hash<std::string>()(bytes)), expected, false};
  write.wants_address = key.kind == model::Kind::kService;
  return write;
}

Commit Of(std::vector<Write> writes, bool dry_run = false) {
  return {"ann", "unix", "apply", "why", std::move(writes), dry_run};
}

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen() {
    store_.reset();
    absl::StatusOr<std::unique_ptr<Store>> opened = Store::Open(directory_.path());
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }
  Committed Apply(const Commit& commit) {
    absl::StatusOr<Committed> committed = store_->Apply(commit, kNow);
    EXPECT_TRUE(committed.ok()) << committed.status();
    return committed.ok() ? *committed : Committed{};
  }
  std::vector<std::string> Names(int64_t revision = 0) {
    absl::StatusOr<Store::Listing> listing = store_->List(revision);
    EXPECT_TRUE(listing.ok()) << listing.status();
    std::vector<std::string> names;
    for (const StoredObject& object : listing->objects) names.push_back(object.key.name.name + "=" + object.bytes);
    return names;
  }

  ScratchDirectory directory_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, EveryChangeIsARevisionAndSurvivesReopening) {
  EXPECT_EQ(Apply(Of({Put(Route("a"), "1")})).revision, 1);
  const Committed second = Apply(Of({Put(Route("a"), "2"), Put(Route("b"), "1")}));
  EXPECT_EQ(second.revision, 2);
  EXPECT_EQ(second.outcomes[0].action, Action::kChanged);
  EXPECT_EQ(second.outcomes[0].object.generation, 2);
  EXPECT_EQ(second.outcomes[1].action, Action::kCreated);
  Reopen();
  EXPECT_EQ(store_->CurrentRevision().value(), 2);
  EXPECT_THAT(Names(), ElementsAre("a=2", "b=1"));
  EXPECT_THAT(Names(1), ElementsAre("a=1"));
  EXPECT_EQ(store_->Get(Route("a"))->created, kNow);
  EXPECT_EQ(store_->Get(Route("a"), 1)->bytes, "1");
}

TEST_F(StoreTest, TheSameBytesMakeNoRevision) {
  Apply(Of({Put(Route("a"), "1")}));
  const Committed again = Apply(Of({Put(Route("a"), "1")}));
  EXPECT_FALSE(again.changed);
  EXPECT_EQ(again.revision, 1);
  EXPECT_EQ(again.outcomes[0].object.revision, 1);
}

TEST_F(StoreTest, ADryRunChangesNothing) {
  const Committed dry = Apply(Of({Put(Service("a"), "1")}, true));
  EXPECT_TRUE(dry.changed);
  EXPECT_EQ(store_->CurrentRevision().value(), 0);
  EXPECT_THAT(Names(), SizeIs(0));
  EXPECT_THAT(store_->List()->addresses, SizeIs(0));
}

TEST_F(StoreTest, AStaleVersionIsRefusedAndNothingOfTheCommitStays) {
  Apply(Of({Put(Route("a"), "1")}));
  Apply(Of({Put(Route("a"), "2")}));
  const absl::Status refused = store_->Apply(Of({Put(Route("b"), "1"), Put(Route("a"), "3", 1)}), kNow).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("HTTPRoute/shop/a: resourceVersion 1 is stale: the object is at 2"));
  EXPECT_THAT(Names(), ElementsAre("a=2"));
  EXPECT_EQ(Apply(Of({Put(Route("a"), "3", 2)})).revision, 3);
}

TEST_F(StoreTest, DeletedObjectsStayInTheHistory) {
  Apply(Of({Put(Route("a"), "1")}));
  const Committed gone = Apply(Of({Write{.key = Route("a"), .bytes = std::nullopt}}));
  EXPECT_EQ(gone.outcomes[0].action, Action::kDeleted);
  EXPECT_EQ(gone.outcomes[0].object.bytes, "1");
  EXPECT_EQ(store_->Get(Route("a")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(store_->Get(Route("a"), 1)->bytes, "1");
  EXPECT_THAT(Names(2), SizeIs(0));
  EXPECT_EQ(store_->Apply(Of({Write{.key = Route("a"), .bytes = std::nullopt}}), kNow).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(store_->Get(Route("a"), 9).status().code(), absl::StatusCode::kOutOfRange);
}

TEST_F(StoreTest, TheLogNamesAuthorTimeAndChanges) {
  Apply(Of({Put(Route("a"), "1"), Put(Route("b"), "1")}));
  Apply(Of({Put(Route("b"), "2")}));
  absl::StatusOr<std::vector<RevisionEntry>> log = store_->Log({});
  ASSERT_THAT(*log, SizeIs(2));
  EXPECT_EQ(log->front().revision, 2);
  EXPECT_EQ(log->front().author, "ann");
  EXPECT_EQ(log->front().time, kNow);
  EXPECT_THAT(log->back().changes,
              ElementsAre(std::pair(Route("a"), Action::kCreated), std::pair(Route("b"), Action::kCreated)));
  EXPECT_THAT(*store_->Log({.limit = 1}), SizeIs(1));
  EXPECT_EQ(store_->Log({.before_revision = 2})->front().revision, 1);
  EXPECT_EQ(store_->Log({.only = Route("a")})->front().revision, 1);
}

TEST_F(StoreTest, ChangesComeInOrderAndAWaiterIsWoken) {
  Apply(Of({Put(Route("a"), "1")}));
  int64_t seen = 0;
  std::thread waiter([&] { seen = store_->WaitForRevisionAfter(1, absl::InfiniteDuration()); });
  Apply(Of({Put(Route("b"), "1")}));
  waiter.join();
  EXPECT_EQ(seen, 2);
  absl::StatusOr<std::vector<Change>> changes = store_->ChangesAfter(0, 100);
  ASSERT_THAT(*changes, SizeIs(2));
  EXPECT_EQ((*changes)[1].object.key, Route("b"));
  EXPECT_THAT(*store_->ChangesAfter(1, 100), SizeIs(1));
  store_->Stop();
  EXPECT_EQ(store_->WaitForRevisionAfter(2, absl::InfiniteDuration()), 2);
}

TEST_F(StoreTest, AServiceKeepsItsAddressesOverDeletionAndRestart) {
  Apply(Of({Put(Service("web"), "1"), Put(Service("api"), "1")}));
  const Addresses before = store_->List()->addresses;
  ASSERT_THAT(before, SizeIs(2));
  const std::vector<std::string> web = before.at({"shop", "web"});
  EXPECT_THAT(web[0], ::testing::StartsWith("240.240."));
  EXPECT_THAT(web[1], ::testing::StartsWith("fd"));
  Apply(Of({Write{.key = Service("web"), .bytes = std::nullopt}}));
  EXPECT_THAT(store_->List()->addresses, SizeIs(1));
  Reopen();
  Apply(Of({Put(Service("web"), "2")}));
  EXPECT_EQ(store_->List()->addresses.at({"shop", "web"}), web);
}

TEST_F(StoreTest, ASecondProcessIsRefused) {
  const absl::Status refused = Store::Open(directory_.path()).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("another weft-control uses this data directory"));
}

TEST_F(StoreTest, WritersAndReadersMixFreely) {
  constexpr int kThreads = 4, kEach = 25;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kEach; ++i) {
        Apply(Of({Put(Route(std::to_string(thread) + "-" + std::to_string(i)), "1")}));
        EXPECT_TRUE(store_->List().ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store_->CurrentRevision().value(), kThreads * kEach);
  EXPECT_THAT(store_->List()->objects, SizeIs(kThreads * kEach));
}

}  // namespace
}  // namespace weft::control::store
