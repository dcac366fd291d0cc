// SPDX-License-Identifier: Apache-2.0
//
// Tests what the store promises as long as nothing fails.
#include "lib/store/store.h"

#include <sys/stat.h>

#include "absl/time/clock.h"
#include "lib/store/store_test_util.h"

namespace btfd::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr auto kNotFound = absl::StatusCode::kNotFound;

TEST_F(StoreTest, DirectoryAndFileAreOfTheUserAlone) {
  options_.directory = root_ + "/not/yet";
  Open();
  struct stat status;
  ASSERT_EQ(stat(options_.directory.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  ASSERT_EQ(stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(store_->path(), path());
  EXPECT_GT(store_->store_bytes(), 0u);
}

// A home that does not exist (HOME=/nonexistent) must not be made.
TEST_F(StoreTest, WhatTheDirectoryIsInIsMadeAndNothingAboveThat) {
  options_.directory = root_ + "/no/home/cache/btfd";
  const auto store = Store::Open(options_);
  EXPECT_EQ(store.status().code(), kNotFound) << store.status();
  struct stat status;
  EXPECT_NE(stat((root_ + "/no").c_str(), &status), 0);
}

TEST_F(StoreTest, BaseComesBackWithItsIndexAfterARestart) {
  const std::string raw = RandomBytes(5500000, 1);
  const std::string core = RandomBytes(12000001, 2);
  const std::string dedup = RandomBytes(4000000, 3);
  const util::Digest digest = util::Digest::Of(raw);
  Open();
  ASSERT_TRUE(store_->PutBase(digest, raw, "/boot/vmlinux", 125792).ok());
  ASSERT_TRUE(store_->PutBaseIndex(digest, IndexPart::kCore, 7, core).ok());
  ASSERT_TRUE(store_->PutBaseIndex(digest, IndexPart::kDedup, 7, dedup).ok());
  Open();
  EXPECT_TRUE(store_->GetBaseRaw(digest)->view() == raw);
  EXPECT_TRUE(store_->GetBaseIndex(digest, IndexPart::kCore, 7)->view() ==
              core);
  EXPECT_TRUE(store_->GetBaseIndex(digest, IndexPart::kDedup, 7)->view() ==
              dedup);
  const auto bases = store_->ListBases();
  ASSERT_TRUE(bases.ok()) << bases.status();
  ASSERT_EQ(bases->size(), 1u);
  EXPECT_EQ((*bases)[0].digest, digest);
  EXPECT_EQ((*bases)[0].origin, "/boot/vmlinux");
  EXPECT_EQ((*bases)[0].types, 125792u);
  EXPECT_EQ((*bases)[0].raw_bytes, raw.size());
  EXPECT_EQ((*bases)[0].stored_bytes, raw.size() + core.size() + dedup.size());
  EXPECT_NEAR((*bases)[0].last_used_unix, absl::ToUnixSeconds(absl::Now()), 60);
  EXPECT_GT(store_->store_bytes(), raw.size() + core.size() + dedup.size());
}

TEST_F(StoreTest, EmptyBlobsAreBlobs) {
  Open();
  ASSERT_TRUE(store_->PutBase(Key(1), "", "", 0).ok());
  ASSERT_TRUE(store_->PutBaseIndex(Key(1), IndexPart::kCore, 1, "").ok());
  ASSERT_TRUE(store_->PutResult(Key(1), ""));
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(store_->GetBaseRaw(Key(1))->size(), 0u);
  EXPECT_EQ(store_->GetBaseIndex(Key(1), IndexPart::kCore, 1)->size(), 0u);
  EXPECT_EQ(*store_->GetResult(Key(1)), "");
}

TEST_F(StoreTest, WhatWasNeverPutIsNotFound) {
  Open();
  EXPECT_THAT(store_->GetBaseRaw(Key(1)).status(),
              IsStatus(kNotFound, Key(1).hex()));
  EXPECT_THAT(store_->GetBaseIndex(Key(1), IndexPart::kCore, 1).status(),
              IsStatus(kNotFound, "has no part 1 of version 1"));
  EXPECT_THAT(store_->GetResult(Key(1)).status(),
              IsStatus(kNotFound, "no such result"));
  EXPECT_THAT(store_->GetFileKey({}).status(),
              IsStatus(kNotFound, "no such file key"));
  EXPECT_THAT(*store_->ListBases(), IsEmpty());
  EXPECT_THAT(*store_->GetCounters(), IsEmpty());
  EXPECT_EQ(counters_.Get(Counter::kStoreErrors), 0u);
}

TEST_F(StoreTest, IndexOfAnotherVersionIsNotFound) {
  Open();
  ASSERT_TRUE(store_->PutBase(Key(1), "raw", "", 1).ok());
  ASSERT_TRUE(store_->PutBaseIndex(Key(1), IndexPart::kCore, 1, "old").ok());
  EXPECT_THAT(store_->GetBaseIndex(Key(1), IndexPart::kCore, 2).status(),
              IsStatus(kNotFound, "of version 2"));
  EXPECT_THAT(store_->GetBaseIndex(Key(1), IndexPart::kDedup, 1).status(),
              IsStatus(kNotFound, "has no part 2"));
  ASSERT_TRUE(store_->PutBaseIndex(Key(1), IndexPart::kCore, 2, "new").ok());
  EXPECT_EQ(store_->GetBaseIndex(Key(1), IndexPart::kCore, 2)->view(), "new");
  EXPECT_EQ(store_->GetBaseIndex(Key(1), IndexPart::kCore, 1).status().code(),
            kNotFound);
}

TEST_F(StoreTest, IndexNeedsItsBase) {
  Open();
  EXPECT_THAT(store_->PutBaseIndex(Key(1), IndexPart::kCore, 1, "index"),
              IsStatus(kNotFound, "no base " + Key(1).hex()));
}

TEST_F(StoreTest, BasePutAgainReplacesItsOriginAndKeepsItsIndex) {
  Open();
  ASSERT_TRUE(store_->PutBase(Key(1), "raw", "here", 1).ok());
  ASSERT_TRUE(store_->PutBaseIndex(Key(1), IndexPart::kCore, 1, "index").ok());
  ASSERT_TRUE(store_->PutBase(Key(1), "raw", "there", 1).ok());
  EXPECT_EQ(store_->ListBases()->at(0).origin, "there");
  EXPECT_EQ(store_->GetBaseRaw(Key(1))->view(), "raw");
  EXPECT_EQ(store_->GetBaseIndex(Key(1), IndexPart::kCore, 1)->view(), "index");
}

TEST_F(StoreTest, RemovedBaseTakesIndexAndFileKeysAlong) {
  const FileKey one = {"one", "state", "sample"};
  const FileKey two = {"two", "state", "sample"};
  Open();
  for (const int n : {1, 2}) {
    ASSERT_TRUE(store_->PutBase(Key(n), "raw", "", 1).ok());
    ASSERT_TRUE(
        store_->PutBaseIndex(Key(n), IndexPart::kCore, 1, "index").ok());
  }
  store_->PutFileKey(one, Key(1));
  store_->PutFileKey(two, Key(2));
  ASSERT_TRUE(store_->Flush().ok());
  ASSERT_TRUE(store_->RemoveBase(Key(1)).ok());
  EXPECT_EQ(store_->GetBaseRaw(Key(1)).status().code(), kNotFound);
  EXPECT_EQ(store_->GetBaseIndex(Key(1), IndexPart::kCore, 1).status().code(),
            kNotFound);
  EXPECT_EQ(store_->GetFileKey(one).status().code(), kNotFound);
  EXPECT_EQ(*store_->GetFileKey(two), Key(2));
  EXPECT_EQ(store_->ListBases()->size(), 1u);
  EXPECT_TRUE(store_->RemoveBase(Key(1)).ok());
}

TEST_F(StoreTest, BasesBeyondTheLimitGoLeastRecentlyUsedFirst) {
  options_.max_base_bytes = 350000;
  Open();
  for (const int n : {1, 2, 3}) {
    ASSERT_TRUE(store_->PutBase(Key(n), RandomBytes(100000, n), "", 1).ok());
  }
  store_->TouchBase(Key(1));
  ASSERT_TRUE(store_->Flush().ok());
  ASSERT_TRUE(store_->PutBase(Key(4), RandomBytes(100000, 4), "", 1).ok());
  ASSERT_TRUE(store_->Flush().ok());
  const auto bases = store_->ListBases();
  ASSERT_TRUE(bases.ok()) << bases.status();
  std::vector<util::Digest> left;
  for (const BaseRecord& base : *bases) left.push_back(base.digest);
  EXPECT_THAT(left, ElementsAre(Key(4), Key(1), Key(3)));
  EXPECT_EQ(counters_.Get(Counter::kStoreBasesEvicted), 1u);
}

TEST_F(StoreTest, BaseLargerThanTheLimitStaysAlone) {
  options_.max_base_bytes = 1000;
  Open();
  for (const int n : {1, 2}) {
    ASSERT_TRUE(store_->PutBase(Key(n), RandomBytes(5000, n), "", 1).ok());
    ASSERT_TRUE(store_->Flush().ok());
  }
  EXPECT_EQ(store_->ListBases()->size(), 1u);
  EXPECT_TRUE(store_->GetBaseRaw(Key(2)).ok());
}

TEST_F(StoreTest, FileKeyIsFoundBeforeAndAfterItIsWritten) {
  const FileKey key = {"file", "state", std::string("\0\xff", 2)};
  options_.write_delay = absl::Hours(1);
  Open();
  store_->PutFileKey(key, Key(1));
  EXPECT_EQ(*store_->GetFileKey(key), Key(1));
  Open();
  EXPECT_EQ(*store_->GetFileKey(key), Key(1));
}

TEST_F(StoreTest, FileKeyDiffersInAnyField) {
  const FileKey key = {"file", "state", "sample"};
  Open();
  store_->PutFileKey(key, Key(1));
  ASSERT_TRUE(store_->Flush().ok());
  std::vector<FileKey> others(3, key);
  others[0].file = "other";
  others[1].state = "other";
  others[2].sample = "other";
  for (const FileKey& other : others) {
    EXPECT_EQ(store_->GetFileKey(other).status().code(), kNotFound);
  }
}

TEST_F(StoreTest, ChangedFileReplacesItsKey) {
  const FileKey before = {"file", "state", "sample"};
  FileKey after = before;
  after.state = "next state";
  Open();
  store_->PutFileKey(before, Key(1));
  ASSERT_TRUE(store_->Flush().ok());
  store_->PutFileKey(after, Key(2));
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(store_->GetFileKey(before).status().code(), kNotFound);
  EXPECT_EQ(*store_->GetFileKey(after), Key(2));
}

TEST_F(StoreTest, FileKeysAreBoundedAndTheOldestGo) {
  options_.max_file_keys = 10;
  Open();
  for (int n = 0; n < 15; ++n) {
    store_->PutFileKey({std::to_string(n), "state", "sample"}, Key(n));
    ASSERT_TRUE(store_->Flush().ok());
  }
  for (int n = 0; n < 15; ++n) {
    EXPECT_EQ(store_->GetFileKey({std::to_string(n), "state", "sample"}).ok(),
              n >= 5)
        << n;
  }
}

TEST_F(StoreTest, ResultIsFoundBeforeAndAfterItIsWritten) {
  const std::string value = RandomBytes(100000, 1);
  options_.write_delay = absl::Hours(1);
  Open();
  ASSERT_TRUE(store_->PutResult(Key(1), value));
  EXPECT_EQ(*store_->GetResult(Key(1)), value);
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(*store_->GetResult(Key(1)), value);
  ASSERT_TRUE(store_->PutResult(Key(2), "written by closing"));
  Open();
  EXPECT_EQ(*store_->GetResult(Key(1)), value);
  EXPECT_EQ(*store_->GetResult(Key(2)), "written by closing");
}

TEST_F(StoreTest, ResultPutAgainReplaces) {
  Open();
  for (const char* value : {"first", "second, longer", "3rd"}) {
    ASSERT_TRUE(store_->PutResult(Key(1), value));
    ASSERT_TRUE(store_->PutResult(Key(2), value));
    ASSERT_TRUE(store_->PutResult(Key(2), absl::StrCat(value, "!")));
    ASSERT_TRUE(store_->Flush().ok());
    EXPECT_EQ(*store_->GetResult(Key(1)), value);
    EXPECT_EQ(*store_->GetResult(Key(2)), absl::StrCat(value, "!"));
  }
}

TEST_F(StoreTest, PendingResultsAreWrittenWithoutAFlush) {
  Open();
  ASSERT_TRUE(store_->PutResult(Key(1), "value"));
  const auto other = Store::Open(options_);
  ASSERT_TRUE(other.ok()) << other.status();
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (!(*other)->GetResult(Key(1)).ok() && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_EQ(*(*other)->GetResult(Key(1)), "value");
}

TEST_F(StoreTest, ResultsBeyondTheLimitGoLeastRecentlyUsedFirst) {
  options_.max_result_bytes = 1000000;
  options_.write_delay = absl::Hours(1);  // one batch for each flush
  Open();
  for (int n = 0; n < 90; ++n) {
    ASSERT_TRUE(store_->PutResult(Key(n), RandomBytes(10000, n)));
  }
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(counters_.Get(Counter::kStoreResultsEvicted), 0u);
  // The oldest ten are used again, then the limit is passed.
  for (int n = 0; n < 10; ++n) ASSERT_TRUE(store_->GetResult(Key(n)).ok());
  for (int n = 90; n < 110; ++n) {
    ASSERT_TRUE(store_->PutResult(Key(n), RandomBytes(10000, n)));
  }
  ASSERT_TRUE(store_->Flush().ok());
  const uint64_t evicted = counters_.Get(Counter::kStoreResultsEvicted);
  // Eviction goes down to 15/16 of the limit: 91 of 110 results stay, counted
  // with what each takes besides its value.
  EXPECT_EQ(evicted, 19u);
  for (int n = 0; n < 110; ++n) {
    EXPECT_EQ(store_->GetResult(Key(n)).ok(), n < 10 || n >= 29) << n;
  }
}

TEST_F(StoreTest, LowerLimitTakesEffectAfterARestart) {
  options_.write_delay = absl::Hours(1);  // one batch for each flush
  Open();
  for (int n = 0; n < 300; ++n) {
    ASSERT_TRUE(store_->PutResult(Key(n), RandomBytes(10000, n)));
  }
  options_.max_result_bytes = 160000;
  Open();
  ASSERT_TRUE(store_->PutResult(Key(300), RandomBytes(10000, 300)));
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(counters_.Get(Counter::kStoreResultsEvicted), 301u - 14);
  EXPECT_TRUE(store_->GetResult(Key(300)).ok());
}

TEST_F(StoreTest, FileShrinksWhenMostOfItIsFree) {
  Open();
  const std::string raw = RandomBytes(40000000, 1);
  ASSERT_TRUE(store_->PutBase(Key(1), raw, "", 1).ok());
  ASSERT_TRUE(store_->PutBase(Key(2), "small", "", 1).ok());
  ASSERT_TRUE(store_->RemoveBase(Key(1)).ok());
  for (int i = 0; i < 20; ++i) {
    store_->AddCounters({{"requests", 1}});
    ASSERT_TRUE(store_->Flush().ok());
  }
  Open();  // closing moves the journal into the file
  EXPECT_LT(store_->store_bytes(), 20000000u);
  EXPECT_EQ(store_->GetBaseRaw(Key(2))->view(), "small");
}

TEST_F(StoreTest, TooMuchPendingIsDroppedAndCounted) {
  options_.max_pending_bytes = 100000;
  options_.write_delay = absl::Hours(1);
  Open();
  EXPECT_FALSE(store_->PutResult(Key(0), std::string(100001, 'x')));
  EXPECT_TRUE(store_->PutResult(Key(1), std::string(45000, 'x')));
  EXPECT_EQ(counters_.Get(Counter::kStorePutsDropped), 1u);
  EXPECT_EQ(store_->GetResult(Key(0)).status().code(), kNotFound);
  EXPECT_TRUE(store_->GetResult(Key(1)).ok());
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_TRUE(store_->PutResult(Key(2), std::string(99000, 'x')));
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_TRUE(store_->GetResult(Key(2)).ok());
}

TEST_F(StoreTest, StuckWriterBoundsMemoryAndBlocksNobody) {
  options_.max_pending_bytes = 100000;
  options_.busy_timeout = absl::Seconds(60);
  Open();
  ASSERT_TRUE(store_->PutResult(Key(0), "there before"));
  ASSERT_TRUE(store_->Flush().ok());
  {
    OtherConnection other(path());
    other.Run("BEGIN IMMEDIATE");
    const absl::Time start = absl::Now();
    int taken = 0;
    for (int n = 1; n <= 100; ++n) {
      taken += store_->PutResult(Key(n), std::string(10000, 'x'));
      EXPECT_EQ(*store_->GetResult(Key(0)), "there before");
      absl::SleepFor(absl::Milliseconds(1));
    }
    EXPECT_LT(absl::Now() - start, absl::Seconds(30));
    EXPECT_EQ(taken, 10);
    EXPECT_EQ(counters_.Get(Counter::kStorePutsDropped), 90u);
    other.Run("COMMIT");
  }
  ASSERT_TRUE(store_->Flush().ok());
  for (int n = 1; n <= 10; ++n) EXPECT_TRUE(store_->GetResult(Key(n)).ok());
}

TEST_F(StoreTest, CountersAddUpOverRestarts) {
  Open();
  store_->AddCounters({{"cache_hits", 2}, {"requests", 3}});
  store_->AddCounters({{"cache_hits", 5}});
  EXPECT_THAT(*store_->GetCounters(),
              ElementsAre(Pair("cache_hits", 7), Pair("requests", 3)));
  Open();
  store_->AddCounters({{"cache_hits", 1}});
  EXPECT_THAT(*store_->GetCounters(),
              ElementsAre(Pair("cache_hits", 8), Pair("requests", 3)));
}

TEST_F(StoreTest, CountersNobodyKnowsAreIgnored) {
  Open();
  store_->AddCounters({{"cache_hits", 1}, {"made_up", 5}, {"", 1}});
  EXPECT_THAT(*store_->GetCounters(), ElementsAre(Pair("cache_hits", 1)));
}

TEST_F(StoreTest, RollbackJournalServesWhereThereIsNoSharedMemory) {
  options_.rollback_journal = true;
  Open();
  ASSERT_TRUE(store_->PutBase(Key(1), RandomBytes(100000, 1), "", 1).ok());
  ASSERT_TRUE(store_->PutResult(Key(1), "value"));
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_FALSE(std::filesystem::exists(path() + "-wal"));
  Open();
  EXPECT_TRUE(store_->GetBaseRaw(Key(1)).ok());
  EXPECT_EQ(*store_->GetResult(Key(1)), "value");
  // With WAL again: the file is the same.
  options_.rollback_journal = false;
  Open();
  ASSERT_TRUE(store_->PutResult(Key(2), "value"));
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_TRUE(std::filesystem::exists(path() + "-wal"));
  EXPECT_EQ(*store_->GetResult(Key(1)), "value");
}

}  // namespace
}  // namespace btfd::store
