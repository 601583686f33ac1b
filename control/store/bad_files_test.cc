// What a store.db that is not as it should be gets: a clear error, and the file stays as it is. Only an older
// layout is brought to the present one.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/time/clock.h"
#include "control/store/database.h"
#include "control/store/scratch_directory.h"
#include "control/store/store.h"
#include "control/store/tables.h"

namespace weft::control::store {
namespace {

using ::testing::HasSubstr;

class BadFilesTest : public ::testing::Test {
 protected:
  std::string Path() const { return directory_.path() + "/store.db"; }
  void Write(const std::string& bytes) { std::ofstream(Path(), std::ios::binary) << bytes; }
  void Sql(const std::string& sql) {
    absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(Path(), true, absl::ZeroDuration());
    ASSERT_TRUE(database.ok()) << database.status();
    ASSERT_TRUE((*database)->Execute(sql).ok());
  }
  void ExpectRefused(absl::StatusCode code, const std::string& text) {
    const absl::Status refused = Store::Open(directory_.path()).status();
    EXPECT_EQ(refused.code(), code) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr(text));
    EXPECT_THAT(std::string(refused.message()), HasSubstr("store.db"));
  }

  ScratchDirectory directory_;
};

TEST_F(BadFilesTest, AFreshFileIsForItsOwnerOnly) {
  ASSERT_TRUE(Store::Open(directory_.path()).ok());
  struct stat facts;
  ASSERT_EQ(stat(Path().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
}

TEST_F(BadFilesTest, AMissingDirectoryIsMadeForItsOwnerOnly) {
  const std::string path = directory_.path() + "/a/b";
  ASSERT_TRUE(Store::Open(path).ok());
  struct stat facts;
  ASSERT_EQ(stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0700u);
}

TEST_F(BadFilesTest, NotADatabase) {
  Write(std::string(8192, 'x'));
  ExpectRefused(absl::StatusCode::kDataLoss, "it is no store of weft-control");
}

TEST_F(BadFilesTest, AnotherProgramsDatabase) {
  Sql("CREATE TABLE theirs(a)");
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "is a database of another program");
}

TEST_F(BadFilesTest, ANewerProgramsStore) {
  ASSERT_TRUE(Store::Open(directory_.path()).ok());
  Sql("PRAGMA user_version=99");
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "newer weft-control (layout 99");
}

// Layout 2 added an index.
TEST_F(BadFilesTest, AnOlderProgramsStoreIsBroughtUpAndLosesNothing) {
  const model::ObjectKey key{model::Kind::kHttpRoute, {"shop", "web"}};
  {
    auto store = Store::Open(directory_.path());
    ASSERT_TRUE(store.ok()) << store.status();
    for (const char* bytes : {"1", "2"}) {
      ASSERT_TRUE(
          (*store)->Apply({"ann", "", "apply", "", {store::Write{.key = key, .bytes = bytes}}}, absl::Now()).ok());
    }
  }
  Sql("DROP INDEX objects_by_revision; PRAGMA user_version=1");
  auto store = Store::Open(directory_.path());
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->Get(key)->bytes, "2");
  EXPECT_EQ((*store)->Get(key, 1)->bytes, "1");
  EXPECT_EQ((*store)->Prune({.revisions = 1, .age = absl::Hours(1)}, absl::Now() + absl::Hours(2))->revisions, 1);
  store->reset();
  auto database = Database::Open(Path(), false, absl::ZeroDuration());
  ASSERT_TRUE(database.ok()) << database.status();
  EXPECT_EQ((*database)->ReadNumber("PRAGMA user_version").value(), NewestVersion());
  EXPECT_EQ((*database)->ReadNumber("SELECT count(*) FROM sqlite_master WHERE name='objects_by_revision'").value(), 1);
}

TEST_F(BadFilesTest, ADamagedStore) {
  {
    absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(directory_.path());
    ASSERT_TRUE(store.ok());
    for (int i = 0; i < 50; ++i) {
      const model::ObjectKey key{model::Kind::kHttpRoute, {"shop", std::to_string(i)}};
      ASSERT_TRUE((*store)
                      ->Apply({"a", "b", "apply", "", {{key, std::string(500, 'x'), 1, 0, false}}}, absl::UnixEpoch())
                      .ok());
    }
  }
  const auto size = std::filesystem::file_size(Path());
  std::fstream file(Path(), std::ios::in | std::ios::out | std::ios::binary);
  for (uintmax_t page = 1; page * 4096 < size; ++page) file.seekp(page * 4096) << std::string(4096, '\x5a');
  file.close();
  ExpectRefused(absl::StatusCode::kDataLoss, "damaged");
}

TEST_F(BadFilesTest, ADirectoryInItsPlace) {
  std::filesystem::create_directory(Path());
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "cannot be opened for writing");
}

TEST_F(BadFilesTest, AFullDiskIsAnErrorAndNothingAcknowledgedIsLost) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(Path(), true, absl::ZeroDuration());
  ASSERT_TRUE(database.ok());
  ASSERT_TRUE(PrepareTables(**database).ok());
  // SQLite gives SQLITE_FULL at a page limit as it does for ENOSPC.
  ASSERT_TRUE((*database)->ReadNumber("PRAGMA max_page_count=40").ok());
  int kept = 0;
  absl::Status status;
  while (status.ok()) {
    absl::StatusOr<Transaction> transaction = Transaction::Begin(**database);
    ASSERT_TRUE(transaction.ok()) << transaction.status();
    absl::StatusOr<Statement> insert = (*database)->Prepare("INSERT INTO settings(key, value) VALUES(?1, ?2)");
    ASSERT_TRUE(insert.ok());
    status = insert->Bind(std::to_string(kept)).Bind(std::string(3000, 'x')).Run();
    if (status.ok()) status = transaction->Commit();
    if (status.ok()) ++kept;
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("make room on the disk"));
  EXPECT_EQ((*database)->ReadNumber("SELECT count(*) FROM settings").value(), kept);
  EXPECT_GT(kept, 3);
}

TEST_F(BadFilesTest, ALockedFileIsUnavailable) {
  ASSERT_TRUE(Store::Open(directory_.path()).ok());
  absl::StatusOr<std::unique_ptr<Database>> first = Database::Open(Path(), false, absl::ZeroDuration());
  absl::StatusOr<std::unique_ptr<Database>> second = Database::Open(Path(), false, absl::ZeroDuration());
  ASSERT_TRUE(first.ok() && second.ok());
  absl::StatusOr<Transaction> held = Transaction::Begin(**first);
  ASSERT_TRUE(held.ok());
  const absl::Status refused = Transaction::Begin(**second).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("another process holds the file"));
}

}  // namespace
}  // namespace weft::control::store
