// SPDX-License-Identifier: Apache-2.0
//
// Tests what the store promises when its file is damaged: each answer is right
// or missing, and afterwards the store works again.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>

#include "absl/time/clock.h"
#include "lib/store/store.h"
#include "lib/store/store_test_util.h"

namespace btfd::store {
namespace {
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr auto kNotFound = absl::StatusCode::kNotFound;

const FileKey kFileKey = {"file", "state", "sample"};

class StoreDamageTest : public StoreTest {
 protected:
  // Makes a store with an entry of each kind, and closes it.
  void MakeStore() {
    Open();
    ASSERT_TRUE(store_->PutBase(Key(1), raw_, "origin", 1).ok());
    ASSERT_TRUE(store_->PutBaseIndex(Key(1), IndexPart::kCore, 1, index_).ok());
    store_->PutFileKey(kFileKey, Key(1));
    for (int n = 0; n < 20; ++n) {
      ASSERT_TRUE(store_->PutResult(Key(n), RandomBytes(500 + n * 100, n)));
    }
    store_->AddCounters({{"requests", 20}});
    Close();
  }

  // Reads all that MakeStore() put. Each entry must be right, or not there.
  void ExpectNothingWrong() {
    const auto raw = store_->GetBaseRaw(Key(1));
    if (raw.ok()) {
      EXPECT_TRUE(raw->view() == raw_);
    }
    const auto index = store_->GetBaseIndex(Key(1), IndexPart::kCore, 1);
    if (index.ok()) {
      EXPECT_TRUE(index->view() == index_);
    }
    const auto file_key = store_->GetFileKey(kFileKey);
    if (file_key.ok()) {
      EXPECT_EQ(*file_key, Key(1));
    }
    for (int n = 0; n < 20; ++n) {
      const auto result = store_->GetResult(Key(n));
      if (result.ok()) {
        EXPECT_TRUE(*result == RandomBytes(500 + n * 100, n));
      }
    }
  }

  // Makes up to three attempts, since an attempt that finds the damage may
  // fail.
  void ExpectItWorksAgain() {
    absl::Status status;
    for (int attempt = 0; attempt < 3; ++attempt) {
      store_->PutResult(Key(1000), "fresh");
      status = store_->Flush();
      if (status.ok()) status = store_->PutBase(Key(1000), "raw", "", 1);
      if (status.ok()) status = store_->GetBaseRaw(Key(1000)).status();
      if (status.ok()) status = store_->GetResult(Key(1000)).status();
      if (status.ok()) break;
    }
    EXPECT_TRUE(status.ok()) << status;
  }

  void ExpectSetAsideAtOpen(const std::string& content) {
    WriteFile(content);
    Open();
    EXPECT_EQ(counters_.Get(Counter::kStoreSetAside), 1u);
    ASSERT_THAT(FilesAside(), SizeIs(1));
    std::ifstream aside(options_.directory + "/" + FilesAside()[0],
                        std::ios::binary);
    const std::string kept{std::istreambuf_iterator<char>(aside), {}};
    EXPECT_TRUE(kept == content);
    EXPECT_THAT(*store_->ListBases(), IsEmpty());
    ExpectItWorksAgain();
    EXPECT_EQ(counters_.Get(Counter::kStoreErrors), 0u);
  }

  const std::string raw_ = RandomBytes(60000, 1001);
  const std::string index_ = RandomBytes(120000, 1002);
};

TEST_F(StoreDamageTest, ZeroedFileIsSetAside) {
  MakeStore();
  ExpectSetAsideAtOpen(std::string(ReadFile().size(), '\0'));
}

TEST_F(StoreDamageTest, ForeignFileIsSetAside) {
  MakeStore();
  ExpectSetAsideAtOpen("#!/bin/sh\necho this is no database\n" +
                       std::string(5000, ' '));
}

TEST_F(StoreDamageTest, TruncatedFileIsSetAside) {
  MakeStore();
  ExpectSetAsideAtOpen(ReadFile().substr(0, 70000));
}

TEST_F(StoreDamageTest, FileCutWithinItsHeaderIsSetAside) {
  MakeStore();
  ExpectSetAsideAtOpen(ReadFile().substr(0, 50));
}

TEST_F(StoreDamageTest, DatabaseOfAnotherProgramIsSetAside) {
  std::filesystem::create_directory(options_.directory);
  OtherConnection(path()).Run("CREATE TABLE recipes(name TEXT)");
  ExpectSetAsideAtOpen(ReadFile());
}

TEST_F(StoreDamageTest, NewerSchemaIsSetAside) {
  MakeStore();
  OtherConnection(path()).Run("PRAGMA user_version=99");
  ExpectSetAsideAtOpen(ReadFile());
}

TEST_F(StoreDamageTest, DamagedSchemaIsSetAside) {
  MakeStore();
  OtherConnection(path()).Run("ALTER TABLE results RENAME COLUMN size TO zise");
  ExpectSetAsideAtOpen(ReadFile());
}

TEST_F(StoreDamageTest, EmptyFileIsANewStore) {
  MakeStore();
  WriteFile("");
  Open();
  EXPECT_THAT(FilesAside(), IsEmpty());
  ExpectItWorksAgain();
}

TEST_F(StoreDamageTest, SettingAsideIsLoggedWithItsReason) {
  MakeStore();
  WriteFile("nonsense");
  const std::string log_path = root_ + "/log";
  const auto log = util::Log::OpenFile(log_path, util::LogLevel::kInfo);
  ASSERT_TRUE(log.ok()) << log.status();
  options_.log = log->get();
  Open();
  Close();
  std::ifstream file(log_path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_THAT(
      text, ::testing::HasSubstr("store: set aside as " + path() + ".aside-"));
  EXPECT_THAT(text, ::testing::HasSubstr("file is not a database"));
}

TEST_F(StoreDamageTest, OnlyTheYoungestFileAsideIsKept) {
  for (int i = 0; i < 4; ++i) {
    MakeStore();
    WriteFile("nonsense");
    Open();
    Close();
  }
  EXPECT_EQ(counters_.Get(Counter::kStoreSetAside), 4u);
  EXPECT_THAT(FilesAside(), SizeIs(1));
}

TEST_F(StoreDamageTest, FlippedBitInABaseDeletesIt) {
  MakeStore();
  Damage(raw_.substr(1000, 16), "\x01");
  Open();
  EXPECT_THAT(store_->GetBaseRaw(Key(1)).status(),
              IsStatus(kDataLoss, "does not have its checksum; deleted"));
  EXPECT_EQ(counters_.Get(Counter::kStoreChecksumFailures), 1u);
  EXPECT_EQ(store_->GetBaseRaw(Key(1)).status().code(), kNotFound);
  EXPECT_EQ(store_->GetBaseIndex(Key(1), IndexPart::kCore, 1).status().code(),
            kNotFound);
  EXPECT_EQ(store_->GetFileKey(kFileKey).status().code(), kNotFound);
  EXPECT_THAT(*store_->ListBases(), IsEmpty());
  EXPECT_THAT(FilesAside(), IsEmpty());
  ASSERT_TRUE(store_->PutBase(Key(1), raw_, "", 1).ok());
  EXPECT_TRUE(store_->GetBaseRaw(Key(1))->view() == raw_);
}

TEST_F(StoreDamageTest, FlippedBitInAnIndexDeletesItAlone) {
  MakeStore();
  Damage(index_.substr(50000, 16), "\x01");
  Open();
  EXPECT_THAT(store_->GetBaseIndex(Key(1), IndexPart::kCore, 1).status(),
              IsStatus(kDataLoss, "part 1 of base " + Key(1).hex()));
  EXPECT_EQ(store_->GetBaseIndex(Key(1), IndexPart::kCore, 1).status().code(),
            kNotFound);
  EXPECT_TRUE(store_->GetBaseRaw(Key(1))->view() == raw_);
  EXPECT_EQ(counters_.Get(Counter::kStoreChecksumFailures), 1u);
}

TEST_F(StoreDamageTest, FlippedBitInAResultDeletesIt) {
  MakeStore();
  Damage(RandomBytes(500 + 7 * 100, 7).substr(100, 16), "\x01");
  Open();
  EXPECT_THAT(store_->GetResult(Key(7)).status(),
              IsStatus(kDataLoss, "the result " + Key(7).hex()));
  EXPECT_EQ(store_->GetResult(Key(7)).status().code(), kNotFound);
  EXPECT_TRUE(store_->GetResult(Key(8)).ok());
  EXPECT_EQ(counters_.Get(Counter::kStoreChecksumFailures), 1u);
}

TEST_F(StoreDamageTest, SwappedDigestOfAFileKeyIsNoAnswer) {
  MakeStore();
  OtherConnection(path()).Run("UPDATE file_keys SET digest = zeroblob(32)");
  Open();
  EXPECT_THAT(store_->GetFileKey(kFileKey).status(),
              IsStatus(kDataLoss, "row of a file key"));
  store_->PutFileKey(kFileKey, Key(1));
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(*store_->GetFileKey(kFileKey), Key(1));
  EXPECT_THAT(FilesAside(), IsEmpty());
}

TEST_F(StoreDamageTest, ResultsUnderEachOthersKeysAreNoAnswers) {
  MakeStore();
  OtherConnection other(path());
  other.Run(
      "UPDATE result_values SET value = (SELECT value FROM result_values"
      " WHERE id = 1), checksum = (SELECT checksum FROM result_values"
      " WHERE id = 1)");
  Open();
  int right = 0;
  for (int n = 0; n < 20; ++n) right += store_->GetResult(Key(n)).ok();
  EXPECT_EQ(right, 1);
  ExpectNothingWrong();
}

TEST_F(StoreDamageTest, FileTruncatedUnderAnOpenStoreIsReplaced) {
  MakeStore();
  Open();
  ASSERT_EQ(truncate(path().c_str(), 40000), 0);
  ExpectNothingWrong();
  ExpectItWorksAgain();
  EXPECT_EQ(counters_.Get(Counter::kStoreSetAside), 1u);
  EXPECT_THAT(FilesAside(), SizeIs(1));
  Open();
  EXPECT_EQ(*store_->GetResult(Key(1000)), "fresh");
}

TEST_F(StoreDamageTest, StoreThatIsDamagedAgainAndAgainGivesUp) {
  MakeStore();
  for (int i = 0; i < 20; ++i) {
    if (store_ == nullptr) Open();
    ASSERT_TRUE(std::filesystem::exists(path()));
    ASSERT_EQ(truncate(path().c_str(), 0), 0);
    std::ofstream(path(), std::ios::binary) << std::string(100000, 'x');
    std::filesystem::remove(path() + "-wal");
    store_->GetBaseRaw(Key(1)).status().IgnoreError();
    store_->PutBase(Key(1), raw_, "", 1).IgnoreError();
  }
  EXPECT_THAT(
      store_->GetBaseRaw(Key(1)).status(),
      IsStatus(absl::StatusCode::kUnavailable, "out of use after 5 repairs"));
  EXPECT_THAT(store_->PutBase(Key(1), raw_, "", 1),
              IsStatus(absl::StatusCode::kUnavailable, "out of use"));
  EXPECT_THAT(store_->GetCounters().status(),
              IsStatus(absl::StatusCode::kUnavailable, "out of use"));
}

// Flips one bit at a time: in each page at four bytes near its start (header of
// the B-tree, first cell pointers) and at a random one, and in each byte of the
// file's header.
TEST_F(StoreDamageTest, NoFlippedBitAnywhereGivesAWrongAnswer) {
  MakeStore();
  const std::string sound = ReadFile();
  std::mt19937 random(4711);
  std::vector<size_t> places;
  for (size_t page = 0; page < sound.size(); page += 16384) {
    for (const size_t offset : {0, 4, 8, 9}) {
      places.push_back(page + offset);
    }
    places.push_back(page + random() % 16384);
  }
  for (size_t i = 0; i < 100; ++i) places.push_back(i);  // the file's header
  for (const size_t place : places) {
    SCOPED_TRACE(absl::StrCat("bit flipped at ", place));
    std::string damaged = sound;
    damaged[place] ^= static_cast<char>(1 << random() % 8);
    Close();
    std::filesystem::remove(path() + "-wal");
    WriteFile(damaged);
    Open();
    ExpectNothingWrong();
    ExpectItWorksAgain();
    if (HasFailure()) break;
  }
}

TEST_F(StoreDamageTest, DamagedJournalLosesOnlyWhatIsInIt) {
  MakeStore();
  Open();
  ASSERT_TRUE(store_->PutResult(Key(100), RandomBytes(50000, 100)));
  ASSERT_TRUE(store_->Flush().ok());
  // Copies the files as a crash would leave them; closing would empty the
  // journal.
  const std::string main = ReadFile();
  std::ifstream wal_file(path() + "-wal", std::ios::binary);
  std::string wal{std::istreambuf_iterator<char>(wal_file), {}};
  ASSERT_GT(wal.size(), 20000u);
  Close();
  wal[wal.size() / 2] ^= 1;
  WriteFile(main);
  std::ofstream(path() + "-wal", std::ios::binary) << wal;
  Open();
  EXPECT_EQ(store_->GetResult(Key(100)).status().code(), kNotFound);
  EXPECT_TRUE(store_->GetBaseRaw(Key(1)).ok());
  ExpectNothingWrong();
  ExpectItWorksAgain();
  EXPECT_THAT(FilesAside(), IsEmpty());
}

TEST_F(StoreDamageTest, KilledWriterLeavesASoundStore) {
  for (int round = 0; round < 5; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      options_.write_delay = absl::ZeroDuration();
      auto store = Store::Open(options_);
      for (int n = 0; store.ok(); ++n) {
        const int number = n % 20;
        (*store)->PutResult(Key(number),
                            RandomBytes(500 + number * 100, number));
        (*store)->PutBase(Key(1), raw_, "", 1).IgnoreError();
      }
      _exit(1);
    }
    absl::SleepFor(absl::Milliseconds(150 + round * 37));
    kill(child, SIGKILL);
    int status;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    Open();
    EXPECT_TRUE(store_->GetBaseRaw(Key(1))->view() == raw_);
    ExpectNothingWrong();
    EXPECT_EQ(counters_.Get(Counter::kStoreSetAside), 0u);
    EXPECT_EQ(counters_.Get(Counter::kStoreErrors), 0u);
    EXPECT_EQ(counters_.Get(Counter::kStoreChecksumFailures), 0u);
    Close();
  }
}

// Without the handler SIGBUS would end each process that has the file mapped.
TEST_F(StoreDamageTest, ACutOffSharedIndexEndsNobody) {
  Open();
  for (int round = 1; round <= 3; ++round) {
    ASSERT_TRUE(store_->PutResult(Key(round), "value"));
    ASSERT_TRUE(store_->Flush().ok());
    std::filesystem::resize_file(path() + "-shm", 0);
    const auto found = store_->GetResult(Key(round));
    EXPECT_EQ(found.value_or("value"), "value");
    // The file was set aside, and a new one is used.
    ASSERT_TRUE(store_->PutResult(Key(-round), "new value"));
    ASSERT_TRUE(store_->Flush().ok());
    const auto fresh = store_->GetResult(Key(-round));
    ASSERT_TRUE(fresh.ok()) << fresh.status();
    EXPECT_EQ(*fresh, "new value");
    EXPECT_THAT(FilesAside(), SizeIs(1)) << "the youngest is kept";
    EXPECT_EQ(counters_.Get(Counter::kStoreSetAside), round);
  }
}

TEST_F(StoreDamageTest, AnotherBusErrorEndsTheProcessAsBefore) {
  Open();
  const std::string other = root_ + "/other";
  std::ofstream(other) << std::string(100, 'x');
  EXPECT_EXIT(
      {
        const int fd = open(other.c_str(), O_RDWR);
        const char* const map = static_cast<const char*>(
            mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0));
        if (ftruncate(fd, 0) != 0) _exit(1);
        _exit(map[0] == 'x' ? 2 : 3);
      },
      ::testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace btfd::store
