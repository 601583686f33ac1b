#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/store/scratch_directory.h"
#include "control/store/store.h"

namespace weft::control::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const absl::Time kNow = absl::UnixEpoch() + absl::Hours(24 * 365 * 50);
constexpr HistoryLimits kFew = {.revisions = 3, .age = absl::Hours(1)};

model::ObjectKey Route(const std::string& name) { return {model::Kind::kHttpRoute, {"shop", name}}; }

std::unique_ptr<Store> Open(const ScratchDirectory& directory) {
  absl::StatusOr<std::unique_ptr<Store>> opened = Store::Open(directory.path());
  EXPECT_TRUE(opened.ok()) << opened.status();
  return opened.ok() ? *std::move(opened) : nullptr;
}

absl::StatusOr<Committed> Apply(Store& store, const std::string& name, std::optional<std::string> bytes,
                                absl::Time now = kNow) {
  return store.Apply({"ann", "unix", "apply", "", {Write{.key = Route(name), .bytes = std::move(bytes)}}, false}, now);
}

std::vector<std::string> Names(Store& store, int64_t revision = 0) {
  absl::StatusOr<Store::Listing> listing = store.List(revision);
  EXPECT_TRUE(listing.ok()) << listing.status();
  std::vector<std::string> names;
  if (!listing.ok()) return names;
  for (const StoredObject& object : listing->objects) names.push_back(object.key.name.name + "=" + object.bytes);
  return names;
}

std::vector<int64_t> Logged(Store& store) {
  std::vector<int64_t> numbers;
  const absl::StatusOr<std::vector<RevisionEntry>> log = store.Log({});
  for (const RevisionEntry& entry : log.value()) numbers.push_back(entry.revision);
  return numbers;
}

TEST(Prune, ForgetsOldRevisionsAndNeverWhatIsNeeded) {
  ScratchDirectory directory;
  std::unique_ptr<Store> store = Open(directory);
  ASSERT_TRUE(Apply(*store, "quiet", "1").ok());          // 1: needed for ever
  ASSERT_TRUE(Apply(*store, "gone", "1").ok());           // 2
  ASSERT_TRUE(Apply(*store, "gone", std::nullopt).ok());  // 3
  for (const char* bytes : {"a", "b", "c", "d", "e"}) ASSERT_TRUE(Apply(*store, "busy", bytes).ok());  // 4 to 8
  const absl::StatusOr<Pruned> early = store->Prune(kFew, kNow + absl::Minutes(59));
  EXPECT_EQ(early->revisions, 0) << "everything is younger than an hour";
  const absl::StatusOr<Pruned> pruned = store->Prune(kFew, kNow + absl::Hours(2));
  ASSERT_TRUE(pruned.ok()) << pruned.status();
  EXPECT_EQ(pruned->oldest, 6);
  EXPECT_EQ(pruned->revisions, 5);
  EXPECT_EQ(pruned->states, 4);  // busy a and b, gone and its deletion
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(Names(*store), ElementsAre("busy=e", "quiet=1"));
    EXPECT_THAT(Names(*store, 6), ElementsAre("busy=c", "quiet=1"));
    EXPECT_THAT(Names(*store, 7), ElementsAre("busy=d", "quiet=1"));
    EXPECT_EQ(store->Get(Route("quiet"), 6)->revision, 1);
    EXPECT_THAT(Logged(*store), ElementsAre(8, 7, 6));
    const absl::Status refused = store->List(5).status();
    EXPECT_EQ(refused.code(), absl::StatusCode::kOutOfRange);
    EXPECT_THAT(std::string(refused.message()), HasSubstr("revision 5 is no longer kept; the oldest is 6"));
    EXPECT_FALSE(store->Get(Route("quiet"), 1).ok());
    EXPECT_THAT(*store->ChangesAfter(5, 100), SizeIs(3));
    EXPECT_EQ(store->ChangesAfter(4, 100).status().code(), absl::StatusCode::kOutOfRange);
    store.reset();  // and the same from the disk
    store = Open(directory);
  }
  EXPECT_EQ(store->Prune(kFew, kNow + absl::Hours(2))->revisions, 0);
  EXPECT_EQ(Apply(*store, "gone", "2")->revision, 9);
}

TEST(Prune, WhatIsYoungStaysHoweverMuchItIs) {
  ScratchDirectory directory;
  std::unique_ptr<Store> store = Open(directory);
  for (int i = 1; i <= 10; ++i) ASSERT_TRUE(Apply(*store, "a", std::to_string(i), kNow + absl::Minutes(i)).ok());
  const absl::StatusOr<Pruned> pruned = store->Prune(kFew, kNow + absl::Minutes(63));
  EXPECT_EQ(pruned->oldest, 3);
  EXPECT_THAT(Names(*store, 3), ElementsAre("a=3"));
}

// Applies and prunes until it is killed; tells each acknowledged revision.
[[noreturn]] void Work(const std::string& directory, int acknowledged) {
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(directory);
  if (!store.ok()) _exit(1);
  for (int64_t revision = (*store)->CurrentRevision().value() + 1;; ++revision) {
    absl::StatusOr<Committed> done = Apply(**store, "a", std::to_string(revision));
    if (!done.ok() || done->revision != revision) _exit(2);
    if (write(acknowledged, &revision, sizeof revision) != sizeof revision) _exit(3);
    if (!(*store)->Prune(kFew, kNow + absl::Hours(2)).ok()) _exit(4);
  }
}

TEST(Prune, AKillInTheMiddleLeavesEveryKeptRevisionWhole) {
  ScratchDirectory directory;
  for (int round = 1; round <= 5; ++round) {
    int pipes[2];
    ASSERT_EQ(pipe(pipes), 0);
    const pid_t child = fork();
    if (child == 0) Work(directory.path(), pipes[1]);
    close(pipes[1]);
    int64_t acknowledged = 0;
    for (int i = 0; i < 5 + round; ++i) ASSERT_EQ(read(pipes[0], &acknowledged, sizeof acknowledged), 8);
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself: " << status;
    while (read(pipes[0], &acknowledged, sizeof acknowledged) > 0) {
    }
    close(pipes[0]);
    std::unique_ptr<Store> store = Open(directory);
    const int64_t newest = store->CurrentRevision().value();
    EXPECT_GE(newest, acknowledged);
    int kept = 0;
    for (int64_t revision = newest; revision > 0 && store->List(revision).ok(); --revision, ++kept) {
      EXPECT_THAT(Names(*store, revision), ElementsAre("a=" + std::to_string(revision)));
    }
    EXPECT_GE(kept, 3);
    EXPECT_LE(kept, 4);  // one was applied and not pruned yet
    EXPECT_THAT(Logged(*store), SizeIs(kept));
  }
}

}  // namespace
}  // namespace weft::control::store
