// SPDX-License-Identifier: Apache-2.0
//
// The daemon's store is damaged before the daemon starts, or while it works.
// Every client must get the right bytes from it without a fallback. The log
// must say what was done, and afterwards the store must be whole again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/faults/fixture.h"
#include "tests/faults/integrity.h"
#include "tests/faults/points.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

// Works like another process's connection: SQLite's locks belong to a process,
// and the daemon is another process than this one.
class Holder {
 public:
  explicit Holder(const std::string& path) {
    EXPECT_EQ(sqlite3_open(path.c_str(), &db_), SQLITE_OK);
  }
  ~Holder() { sqlite3_close(db_); }
  void Run(const char* sql) {
    EXPECT_EQ(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr), SQLITE_OK)
        << sql << ": " << sqlite3_errmsg(db_);
  }

 private:
  sqlite3* db_ = nullptr;
};

void Truncate(const std::string& path) {
  fs::resize_file(path, fs::file_size(path) / 2);
}
void Zero(const std::string& path) {
  WriteFile(path, std::string(fs::file_size(path), '\0'));
}
void Rewrite(const std::string& path) {
  WriteFile(path, std::string(100000, 'x'));
}
void MakeNewer(const std::string& path) {
  Holder(path).Run("PRAGMA user_version=99");
}
void MakeForeign(const std::string& path) {
  fs::remove(path);
  Holder(path).Run("CREATE TABLE recipes(name TEXT)");
}

struct Damage {
  const char* name;
  void (*inflict)(const std::string& path);
};
constexpr Damage kDamages[] = {{"Truncated", Truncate},
                               {"Zeroed", Zero},
                               {"Overwritten", Rewrite},
                               {"NewerSchema", MakeNewer},
                               {"ForeignDatabase", MakeForeign}};

class DamagedStore : public DaemonFaults {
 protected:
  void SetUp() override {
    DaemonFaults::SetUp();
    // Makes a store with a base and some results, and closes it.
    FinalizeAll(daemon_, {0, 1, 2, 3}, {}, "before");
    ASSERT_TRUE(daemon_.Stop().ok());
    ASSERT_TRUE(fs::exists(path()));
  }

  std::string path() const {
    return daemon_.store_directory() + "/btfd.sqlite3";
  }
  std::string Log() const {
    return ReadFileOrEmpty(RuntimeFile(daemon_.runtime_directory(), ".log"));
  }
  size_t FilesAside() const {
    size_t count = 0;
    for (const auto& entry :
         fs::directory_iterator(daemon_.store_directory())) {
      count +=
          entry.path().filename().string().rfind("btfd.sqlite3.aside-", 0) == 0;
    }
    return count;
  }

  // Results that are made now must be kept, and the next daemon must find them.
  void ExpectWhole(const std::string& where) {
    FinalizeAll(daemon_, {0, 1, 2, 3}, {}, where);
    if (HasFatalFailure()) return;
    ASSERT_TRUE(daemon_.Stop().ok());
    ASSERT_EQ(CheckIntegrity(path()), "ok") << where;
    FinalizeAll(daemon_, {0, 1, 2, 3}, {}, where + ", the next daemon");
    ASSERT_EQ(Count(daemon_, "cache_hits"), 4u) << where;
    ASSERT_EQ(Count(daemon_, "store_set_aside"), 0u) << where;
    ASSERT_EQ(Count(daemon_, "store_errors"), 0u) << where;
    ASSERT_TRUE(daemon_.Stop().ok());
  }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
};

class DamagedBefore : public DamagedStore,
                      public ::testing::WithParamInterface<Damage> {};

TEST_P(DamagedBefore, IsSetAsideAndMadeAnew) {
  GetParam().inflict(path());
  FinalizeAll(daemon_, {3, 2, 1, 0, 4}, {}, "damaged");
  EXPECT_EQ(Count(daemon_, "store_set_aside"), 1u);
  EXPECT_THAT(Log(), HasSubstr("store: set aside as " + path() + ".aside-"));
  EXPECT_EQ(FilesAside(), 1u);
  ExpectWhole("after it");
}

INSTANTIATE_TEST_SUITE_P(Every, DamagedBefore, ::testing::ValuesIn(kDamages),
                         [](const auto& info) { return info.param.name; });

class DamagedInUse : public DamagedStore,
                     public ::testing::WithParamInterface<Damage> {};

// The file stays the daemon's own and is changed while it is used. What the
// daemon reads may come from memory, or be damaged. The bytes must be right in
// both cases.
TEST_P(DamagedInUse, NeverGivesAWrongByte) {
  FinalizeAll(daemon_, {0}, {}, "before");
  GetParam().inflict(path());
  FinalizeAll(daemon_, {0, 1, 2, 3, 4, 5}, {}, "damaged");
  if (HasFatalFailure()) return;
  ASSERT_TRUE(daemon_.Stop().ok());
  ExpectWhole("after it");
}

INSTANTIATE_TEST_SUITE_P(Every, DamagedInUse,
                         ::testing::Values(Damage{"Truncated", Truncate},
                                           Damage{"Zeroed", Zero},
                                           Damage{"Overwritten", Rewrite}),
                         [](const auto& info) { return info.param.name; });

// Flips one bit at a time, in the header, in B-tree pages, in blobs.
TEST_F(DamagedStore, FlippedBitsNeverGiveAWrongByte) {
  const std::string sound = ReadFileOrEmpty(path());
  std::vector<size_t> offsets = {16, 18, 24, 28, 60, 96};
  for (size_t page = 0; page < sound.size(); page += 16384) {
    offsets.push_back(page + 105);   // in the header of a B-tree page
    offsets.push_back(page + 8000);  // in a blob, or in unused bytes
    offsets.push_back(page + 16300);
  }
  // Each offset takes one run of the daemon, or two.
  const size_t step = EveryPoint() ? 1 : offsets.size() / 25 + 1;
  for (size_t i = 0; i < offsets.size(); i += step) {
    const size_t offset = offsets[i];
    if (offset >= sound.size()) continue;
    std::string damaged = sound;
    damaged[offset] ^= 0x10;
    for (const auto& entry :
         fs::directory_iterator(daemon_.store_directory())) {
      fs::remove(entry.path());
    }
    WriteFile(path(), damaged);
    const std::string where = absl::StrCat("bit flipped at ", offset);
    FinalizeAll(daemon_, {0, 1, 2, 3, 4}, {}, where);
    ASSERT_FALSE(HasFatalFailure());
    ASSERT_TRUE(daemon_.Stop().ok()) << where;
    FinalizeAll(daemon_, {0, 4}, {}, where + ", the next daemon");
    ASSERT_FALSE(HasFatalFailure());
    ASSERT_TRUE(daemon_.Stop().ok()) << where;
  }
}

TEST_F(DamagedStore, LockedByAnotherProcessItIsDoneWithout) {
  {
    Holder holder(path());
    holder.Run("PRAGMA locking_mode=EXCLUSIVE");
    holder.Run("BEGIN EXCLUSIVE");
    FinalizeAll(daemon_, {0, 1, 4}, {}, "locked");
    EXPECT_THAT(Log(), HasSubstr("working without a store: store: "));
    EXPECT_EQ(FilesAside(), 0u);
    ASSERT_TRUE(daemon_.Stop().ok());
    holder.Run("COMMIT");
  }
  ExpectWhole("unlocked");
}

TEST_F(DamagedStore, LockedWhileInUseItIsDoneWithoutForThatTime) {
  FinalizeAll(daemon_, {0}, {}, "before");
  {
    Holder holder(path());
    holder.Run("BEGIN IMMEDIATE");
    FinalizeAll(daemon_, {0, 1, 4, 5}, {}, "locked");
    holder.Run("COMMIT");
  }
  EXPECT_EQ(FilesAside(), 0u);
  ASSERT_TRUE(daemon_.Stop().ok());
  ExpectWhole("unlocked");
}

TEST_F(DamagedStore, ItsFileDeletedWhileInUseIsMadeAnew) {
  FinalizeAll(daemon_, {0}, {}, "before");
  for (const char* journal : {"", "-wal", "-shm"}) fs::remove(path() + journal);
  FinalizeAll(daemon_, {0, 1, 4}, {}, "deleted");
  if (HasFatalFailure()) return;
  ASSERT_TRUE(daemon_.Stop().ok());
  ExpectWhole("after it");
}

TEST_F(DamagedStore, ItsDirectoryDeletedWhileInUseIsMadeAnew) {
  FinalizeAll(daemon_, {0}, {}, "before");
  fs::remove_all(daemon_.store_directory());
  FinalizeAll(daemon_, {0, 1, 4}, {}, "deleted");
  // This must happen while the daemon runs, not only when it ends.
  for (int i = 0; i < 500 && !fs::exists(path()); ++i) {
    FinalizeAll(daemon_, {5}, {"BTFD_RESULT_CACHE=0"}, "deleted");
    FinalizeAll(daemon_, {i % kModules}, {}, "deleted");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_TRUE(fs::exists(path()));
  if (HasFatalFailure()) return;
  ASSERT_TRUE(daemon_.Stop().ok());
  ExpectWhole("after it");
}

TEST_F(DamagedStore, DirectoryInPlaceOfItsFileIsDoneWithout) {
  fs::remove(path());
  fs::create_directory(path());
  FinalizeAll(daemon_, {0, 1, 4}, {}, "a directory");
  EXPECT_THAT(Log(), HasSubstr("working without a store: store: "));
}

// Whatever the store has that a daemon does not survive: it dies of that as
// soon as it is started, and the next one, too.
TEST_F(DamagedStore, DaemonsThatDieOfItFailNoBuild) {
  const ScratchDir scratch;
  WriteFile(scratch.file("btfd"), "#!/bin/sh\nkill -BUS $$\n");
  fs::permissions(scratch.file("btfd"), fs::perms::owner_all);
  FinalizeAll(daemon_, {0, 1, 4},
              {"BTFD_DAEMON=" + scratch.file("btfd"), "BTFD_REQUIRE=0"},
              "no daemon lives");
  ExpectWhole("after it");
}

// On the disk a file can have only some kilobytes.
TEST_F(DamagedStore, FullDiskCostsNothingButTheStore) {
  const ProcessResult started =
      RunProcess({"sh", "-c", "ulimit -f 8; trap '' XFSZ; exec \"$0\" \"$@\"",
                  daemon_.programs().btfc, "start"},
                 {daemon_.Environment(), "", ""});
  ASSERT_EQ(started.exit_code, 0) << started.err;
  FinalizeAll(daemon_, {0, 1, 4, 5, 6, 7, 8, 9, 10, 11}, {}, "full");
  ASSERT_TRUE(daemon_.Stop().ok());
  EXPECT_EQ(FilesAside(), 0u);
  ExpectWhole("with room again");
}

}  // namespace
}  // namespace btfd::tests
