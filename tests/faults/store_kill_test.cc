// SPDX-License-Identifier: Apache-2.0
//
// Kills a process that uses the store at every write-side system call in turn,
// once before the call and once after it. It does so in WAL mode, and with the
// rollback journal that is used on network file systems. Afterwards the store
// must open without a repair, SQLite must find it sound, and everything in it
// must be right.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "lib/store/counters.h"
#include "lib/store/store.h"
#include "tests/faults/integrity.h"
#include "tests/faults/points.h"
#include "tests/faults/store_worker.h"
#include "tests/faults/tracer.h"
#include "tests/support/process.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using store::Counter;

// The number of kills in all tests of this process.
size_t total_kills = 0;

class StoreKill : public ::testing::Test {
 protected:
  TraceResult Work(const KillPoint& point) const {
    return RunTraced({fs::absolute("tests/faults/store_worker").string(),
                      directory_, journal_},
                     {{}, point});
  }

  // Returns the number of results; each of them must be right.
  int CountResults(store::Store* store) const {
    int found = 0;
    for (int n = 0; n < kWorkerResults; ++n) {
      const auto result = store->GetResult(NumberedKey(n));
      if (!result.ok()) {
        EXPECT_TRUE(absl::IsNotFound(result.status())) << result.status();
        continue;
      }
      ++found;
      EXPECT_TRUE(*result == ResultOf(n)) << n;
      const auto request = store->GetRequest(NumberedKey(n));
      EXPECT_TRUE(request.ok() && *request == RequestOf(n)) << n;
    }
    return found;
  }

  void CheckBases(store::Store* store) const {
    for (int n = 0; n < 3; ++n) {
      const auto raw = store->GetBaseRaw(NumberedKey(n));
      EXPECT_TRUE(raw.ok() ? raw->view() == BaseOf(n)
                           : absl::IsNotFound(raw.status()));
      const auto index =
          store->GetBaseIndex(NumberedKey(n), store::IndexPart::kCore, 1);
      EXPECT_TRUE(index.ok() ? index->view() == IndexOf(n)
                             : absl::IsNotFound(index.status()));
      // There must be no index without its base.
      EXPECT_TRUE(raw.ok() || !index.ok());
      store::FileKey key;
      key.file = std::to_string(n);
      const auto digest = store->GetFileKey(key);
      EXPECT_TRUE(digest.ok() ? *digest == NumberedKey(n)
                              : absl::IsNotFound(digest.status()));
    }
  }

  void ExpectSound(const std::string& where) const {
    SCOPED_TRACE(where);
    const std::string path = directory_ + "/btfd.sqlite3";
    const std::string verdict = CheckIntegrity(path);
    ASSERT_TRUE(verdict == "ok" || verdict.empty()) << verdict;
    store::Counters counters;
    store::StoreOptions options;
    options.directory = directory_;
    options.rollback_journal = journal_ == "rollback";
    options.counters = &counters;
    auto store = store::Store::Open(options);
    ASSERT_TRUE(store.ok()) << store.status();
    CountResults(store->get());
    CheckBases(store->get());
    // The store must still work.
    ASSERT_TRUE((*store)->PutResult(NumberedKey(0), ResultOf(0), RequestOf(0)));
    ASSERT_TRUE((*store)->Flush().ok());
    ASSERT_GE(CountResults(store->get()), 1);
    for (const Counter counter :
         {Counter::kStoreSetAside, Counter::kStoreChecksumFailures,
          Counter::kStoreErrors}) {
      ASSERT_EQ(counters.Get(counter), 0u)
          << store::kCounters[static_cast<size_t>(counter)].name;
    }
    *store = nullptr;
    for (const auto& [name, content] : TakeSnapshot(directory_)) {
      ASSERT_TRUE(name == "btfd.sqlite3" || name == "btfd.sqlite3.lock" ||
                  name == "btfd.sqlite3-journal")
          << name;
    }
  }

  void KillEverywhere();
  void KillTwice();

  std::string journal_;  // as an argument of store_worker
  const ScratchDir scratch_;
  const std::string directory_ = scratch_.file("store");
};

void StoreKill::KillEverywhere() {
  const TraceResult counted = Work({});
  ASSERT_EQ(counted.exit_code, 0) << counted.error << counted.output;
  ExpectSound("unharmed");
  ASSERT_FALSE(HasFailure());
  ASSERT_GE(counted.calls, 200u);
  size_t kills = 0;
  // The threads differ from run to run, so take more points than there were
  // calls.
  for (const KillPoint& point : ChoosePoints(counted.calls + 5, 40)) {
    fs::remove_all(directory_);
    const TraceResult result = Work(point);
    ASSERT_EQ(result.error, "");
    kills += result.killed;
    ExpectSound(
        absl::StrCat(point.side == KillPoint::kBefore ? "before" : "after",
                     " call ", point.call, ", ", result.at));
    ASSERT_FALSE(HasFailure());
  }
  total_kills += kills;
  PrintPoints(absl::StrCat("store, ", journal_), counted.calls, kills);
}

// A second process is killed while it recovers what the first one left.
void StoreKill::KillTwice() {
  const uint64_t calls = Work({}).calls;
  size_t kills = 0;
  for (const uint64_t part : {3, 5, 8}) {
    const KillPoint first = {calls * part / 10, KillPoint::kBefore};
    // Recovery happens at the beginning.
    for (const KillPoint& point : ChoosePoints(calls / 4, 8)) {
      // The threads differ from run to run, so a run may end before that call.
      bool killed = false;
      for (int attempt = 0; attempt < 20 && !killed; ++attempt) {
        fs::remove_all(directory_);
        killed = Work(first).killed;
      }
      ASSERT_TRUE(killed);
      const TraceResult result = Work(point);
      ASSERT_EQ(result.error, "");
      kills += result.killed + 1;
      ExpectSound(absl::StrCat("twice, then at call ", point.call));
      ASSERT_FALSE(HasFailure());
    }
  }
  total_kills += kills;
  PrintPoints(absl::StrCat("store, twice, ", journal_), calls, kills);
}

TEST_F(StoreKill, LeavesAStoreThatNeedsNoRepair) {
  journal_ = "wal";
  KillEverywhere();
}

TEST_F(StoreKill, LeavesAStoreThatNeedsNoRepairWithoutWal) {
  journal_ = "rollback";
  KillEverywhere();
}

TEST_F(StoreKill, LeavesWhatASecondKillDoesNotSpoil) {
  journal_ = "wal";
  KillTwice();
}

TEST_F(StoreKill, LeavesWhatASecondKillDoesNotSpoilWithoutWal) {
  journal_ = "rollback";
  KillTwice();
}

// Must be last, because tests run in this order.
TEST(StoreKillSum, IsWorthItsName) {
  printf("kill points: %zu of the store in all\n", total_kills);
  EXPECT_GE(total_kills, EveryPoint() ? 3000u : 100u);
}

}  // namespace
}  // namespace btfd::tests
