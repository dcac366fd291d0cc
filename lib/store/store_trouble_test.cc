// SPDX-License-Identifier: Apache-2.0
//
// Tests what the store promises when something around it fails: the directory,
// the disk, other processes.
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "absl/time/clock.h"
#include "lib/store/store.h"
#include "lib/store/store_test_util.h"

namespace btfd::store {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

constexpr auto kPermissionDenied = absl::StatusCode::kPermissionDenied;
constexpr auto kResourceExhausted = absl::StatusCode::kResourceExhausted;
constexpr auto kUnavailable = absl::StatusCode::kUnavailable;

using StoreTroubleTest = StoreTest;

TEST_F(StoreTroubleTest, FileInPlaceOfTheDirectoryIsNamed) {
  std::ofstream(options_.directory) << "in the way";
  EXPECT_THAT(Store::Open(options_).status(),
              IsStatus(absl::StatusCode::kFailedPrecondition,
                       "not a directory: " + options_.directory));
}

TEST_F(StoreTroubleTest, DirectoryThatCannotBeMadeIsNamed) {
  std::ofstream(root_ + "/file") << "in the way";
  options_.directory = root_ + "/file/store";
  EXPECT_THAT(Store::Open(options_).status(),
              IsStatus(absl::StatusCode::kFailedPrecondition,
                       "making the directory " + options_.directory));
}

TEST_F(StoreTroubleTest, DirectoryThatOthersMayWriteToIsRefused) {
  for (const mode_t mode : {0770, 0707}) {
    ASSERT_TRUE(mkdir(options_.directory.c_str(), 0700) == 0 ||
                errno == EEXIST);
    ASSERT_EQ(chmod(options_.directory.c_str(), mode), 0);
    EXPECT_THAT(Store::Open(options_).status(),
                IsStatus(kPermissionDenied, "others may write"));
  }
}

TEST_F(StoreTroubleTest, DirectoryInPlaceOfTheFileIsAnError) {
  std::filesystem::create_directories(path());
  EXPECT_THAT(Store::Open(options_).status(),
              IsStatus(kPermissionDenied, "unable to open database file"));
}

// Another process that runs `sql` to lock the database. Its destructor ends it.
class LockingProcess {
 public:
  LockingProcess(const std::string& path,
                 const std::vector<const char*>& statements) {
    int ready[2];
    EXPECT_EQ(pipe(ready), 0);
    child_ = fork();
    if (child_ == 0) {
      sqlite3* db = nullptr;
      bool ok = sqlite3_open(path.c_str(), &db) == SQLITE_OK;
      for (const char* sql : statements) {
        ok =
            ok && sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
      }
      const char answer = ok ? 'y' : 'n';
      if (write(ready[1], &answer, 1) != 1) _exit(1);
      for (;;) pause();
    }
    char answer = 0;
    EXPECT_EQ(read(ready[0], &answer, 1), 1);
    EXPECT_EQ(answer, 'y');
    close(ready[0]);
    close(ready[1]);
  }
  ~LockingProcess() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }

 private:
  pid_t child_;
};

TEST_F(StoreTroubleTest, ProcessThatHasTheFileToItselfMakesOpenGiveUp) {
  Open();
  ASSERT_TRUE(store_->PutResult(Key(1), "value"));
  Close();
  {
    const LockingProcess other(
        path(), {"PRAGMA locking_mode=EXCLUSIVE", "BEGIN EXCLUSIVE"});
    const absl::Time start = absl::Now();
    EXPECT_THAT(Store::Open(options_).status(),
                IsStatus(kUnavailable, "database is locked"));
    EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  }
  Open();
  EXPECT_EQ(*store_->GetResult(Key(1)), "value");
  EXPECT_EQ(counters_.Get(Counter::kStoreSetAside), 0u);
}

TEST_F(StoreTroubleTest, ProcessThatWritesForLongDoesNotStopReaders) {
  Open();
  ASSERT_TRUE(store_->PutResult(Key(1), "value"));
  ASSERT_TRUE(store_->PutBase(Key(1), "raw", "", 1).ok());
  ASSERT_TRUE(store_->Flush().ok());
  Close();
  {
    const LockingProcess other(path(), {"BEGIN IMMEDIATE"});
    Open();
    EXPECT_EQ(*store_->GetResult(Key(1)), "value");
    EXPECT_EQ(store_->GetBaseRaw(Key(1))->view(), "raw");
    EXPECT_THAT(store_->PutBase(Key(2), "raw", "", 1),
                IsStatus(kUnavailable, "database is locked"));
    EXPECT_EQ(counters_.Get(Counter::kStoreErrors), 1u);
    store_->AddCounters({{"requests", 3}});
    EXPECT_THAT(store_->Flush(), IsStatus(kUnavailable, "locked"));
  }
  // The counters of the batch that failed are still there.
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_THAT(*store_->GetCounters(), ElementsAre(Pair("requests", 3)));
  EXPECT_TRUE(store_->PutBase(Key(2), "raw", "", 1).ok());
}

TEST_F(StoreTroubleTest, FullStoreStillAnswers) {
  options_.max_page_count = 100;  // 1.6 MB
  Open();
  ASSERT_TRUE(store_->PutBase(Key(1), RandomBytes(900000, 1), "", 1).ok());
  ASSERT_TRUE(store_->PutResult(Key(1), "small"));
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_THAT(store_->PutBase(Key(2), RandomBytes(900000, 2), "", 1),
              IsStatus(kResourceExhausted, "database or disk is full"));
  ASSERT_TRUE(store_->PutResult(Key(2), RandomBytes(900000, 3)));
  store_->AddCounters({{"requests", 3}});
  EXPECT_THAT(store_->Flush(), IsStatus(kResourceExhausted, "full"));
  EXPECT_EQ(counters_.Get(Counter::kStoreErrors), 2u);
  EXPECT_TRUE(store_->GetBaseRaw(Key(1))->view() == RandomBytes(900000, 1));
  EXPECT_EQ(*store_->GetResult(Key(1)), "small");
  EXPECT_EQ(store_->GetResult(Key(2)).status().code(),
            absl::StatusCode::kNotFound);
  // Results that are small enough are still stored.
  ASSERT_TRUE(store_->Flush().ok());
  ASSERT_TRUE(store_->PutResult(Key(3), "small as well"));
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(*store_->GetResult(Key(3)), "small as well");
  EXPECT_THAT(*store_->GetCounters(), ElementsAre(Pair("requests", 3)));
  EXPECT_EQ(counters_.Get(Counter::kStoreSetAside), 0u);
}

// The kernel limits how large a file may become. A write(2) beyond it fails as
// on a disk that is broken or full.
TEST_F(StoreTroubleTest, FailingDiskCostsNothingButTheWrite) {
  Open();
  ASSERT_TRUE(store_->PutBase(Key(1), RandomBytes(900000, 1), "", 1).ok());
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, SIG_IGN);
  const rlimit limit = {2000000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  const absl::Status status =
      store_->PutBase(Key(2), RandomBytes(5000000, 2), "", 1);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_THAT(status, IsStatus(absl::StatusCode::kInternal, "disk I/O error"));
  EXPECT_TRUE(store_->GetBaseRaw(Key(1))->view() == RandomBytes(900000, 1));
  EXPECT_TRUE(store_->PutBase(Key(2), RandomBytes(5000000, 2), "", 1).ok());
  EXPECT_TRUE(store_->GetBaseRaw(Key(2))->view() == RandomBytes(5000000, 2));
}

TEST_F(StoreTroubleTest, DirectoryRemovedUnderAnOpenStoreIsMadeAgain) {
  Open();
  ASSERT_TRUE(store_->PutResult(Key(1), "gone"));
  ASSERT_TRUE(store_->PutBase(Key(1), "gone", "", 1).ok());
  ASSERT_TRUE(store_->Flush().ok());
  std::filesystem::remove_all(options_.directory);
  ASSERT_TRUE(store_->PutResult(Key(2), "stays"));
  ASSERT_TRUE(store_->Flush().ok());
  ASSERT_TRUE(store_->PutBase(Key(2), "stays", "", 1).ok());
  EXPECT_EQ(*store_->GetResult(Key(2)), "stays");
  Open();
  EXPECT_EQ(*store_->GetResult(Key(2)), "stays");
  EXPECT_EQ(store_->GetBaseRaw(Key(2))->view(), "stays");
  EXPECT_EQ(store_->GetBaseRaw(Key(1)).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(counters_.Get(Counter::kStoreSetAside), 0u);
}

TEST_F(StoreTroubleTest, ReaderNoticesThatTheFileWasRemoved) {
  Open();
  // No reader is open yet, so this one has to open the file.
  std::filesystem::remove_all(options_.directory);
  EXPECT_THAT(store_->GetBaseRaw(Key(1)).status(),
              IsStatus(kPermissionDenied, "unable to open database file"));
  EXPECT_EQ(store_->GetBaseRaw(Key(1)).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_TRUE(store_->PutBase(Key(1), "raw", "", 1).ok());
  EXPECT_TRUE(store_->GetBaseRaw(Key(1)).ok());
}

}  // namespace
}  // namespace btfd::store
