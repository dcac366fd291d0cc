// SPDX-License-Identifier: Apache-2.0
//
// Tests results together with the requests from which they can be computed
// anew: how they are removed, and how much room all of them take.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "lib/store/store_test_util.h"
#include "lib/util/log.h"

namespace btfd::store {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::StatusCode kNotFound = absl::StatusCode::kNotFound;

class StoreResultsTest : public StoreTest {
 protected:
  void Put(int number, const std::string& value, const std::string& request) {
    ASSERT_TRUE(store_->PutResult(Key(number), value, request));
  }
  bool IsThere(int number) { return store_->GetResult(Key(number)).ok(); }
};

TEST_F(StoreResultsTest, RequestIsFoundBeforeAndAfterItIsWritten) {
  options_.write_delay = absl::Hours(1);
  Open();
  const std::string request(300000, 'r');
  Put(1, "value", request);
  EXPECT_EQ(*store_->GetRequest(Key(1)), request);
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(*store_->GetRequest(Key(1)), request);
  Open();
  EXPECT_EQ(*store_->GetRequest(Key(1)), request);
  EXPECT_EQ(*store_->GetResult(Key(1)), "value");
  // The request was compressed.
  EXPECT_LT(store_->GetResultStatistics()->bytes, 10000u);
}

TEST_F(StoreResultsTest, ResultWithoutARequestHasNone) {
  Open();
  Put(1, "value", "");
  EXPECT_EQ(store_->GetRequest(Key(1)).status().code(), kNotFound);
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(store_->GetRequest(Key(1)).status().code(), kNotFound);
  EXPECT_EQ(store_->GetRequest(Key(2)).status().code(), kNotFound);
  // If the result is put again without a request, the old request goes.
  Put(1, "value", "request");
  ASSERT_TRUE(store_->Flush().ok());
  Put(1, "value", "");
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(store_->GetRequest(Key(1)).status().code(), kNotFound);
}

TEST_F(StoreResultsTest, RequestIsTheFirstThingDroppedForRoom) {
  options_.max_pending_bytes = 100000;
  options_.write_delay = absl::Hours(1);
  Open();
  Put(1, std::string(30000, 'v'), RandomBytes(80000, 1));
  EXPECT_TRUE(IsThere(1));
  EXPECT_EQ(store_->GetRequest(Key(1)).status().code(), kNotFound);
  EXPECT_EQ(counters_.Get(Counter::kStorePutsDropped), 0u);
}

TEST_F(StoreResultsTest, DamagedRequestTakesItsResultAlong) {
  Open();
  const std::string request = RandomBytes(5000, 1);
  Put(1, "value", request);
  Put(2, "other", "request");
  Close();
  // Random bytes do not compress, so they stand in the file as they are.
  Damage(request.substr(1000, 64), std::string(64, 'x'));
  Open();
  EXPECT_THAT(store_->GetRequest(Key(1)).status(),
              IsStatus(absl::StatusCode::kDataLoss, "its checksum"));
  EXPECT_EQ(counters_.Get(Counter::kStoreChecksumFailures), 1u);
  EXPECT_FALSE(IsThere(1));
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_FALSE(IsThere(1));
  EXPECT_EQ(*store_->GetRequest(Key(2)), "request");
  EXPECT_THAT(FilesAside(), IsEmpty());
}

TEST_F(StoreResultsTest, RequestsUnderEachOthersKeysAreNoAnswers) {
  Open();
  Put(1, "one", "request one");
  Put(2, "two", "request two");
  Close();
  OtherConnection(path()).Run(
      "CREATE TEMP TABLE t AS SELECT * FROM result_requests;"
      "UPDATE result_requests SET (checksum, request) ="
      " (SELECT checksum, request FROM t WHERE t.id != result_requests.id)");
  Open();
  EXPECT_FALSE(store_->GetRequest(Key(1)).ok());
  EXPECT_FALSE(store_->GetRequest(Key(2)).ok());
  EXPECT_EQ(counters_.Get(Counter::kStoreChecksumFailures), 2u);
}

TEST_F(StoreResultsTest, RemovedResultIsGoneAtOnceAndForAll) {
  options_.write_delay = absl::Hours(1);
  Open();
  Put(1, "written", "request");
  Put(2, "kept", "request");
  ASSERT_TRUE(store_->Flush().ok());
  Put(3, "pending", "request");
  for (const int number : {1, 3, 4}) store_->RemoveResult(Key(number));
  for (const int number : {1, 3, 4}) {
    EXPECT_EQ(store_->GetResult(Key(number)).status().code(), kNotFound);
    EXPECT_EQ(store_->GetRequest(Key(number)).status().code(), kNotFound);
  }
  ASSERT_TRUE(store_->Flush().ok());
  for (const int number : {1, 3, 4}) EXPECT_FALSE(IsThere(number));
  EXPECT_TRUE(IsThere(2));
  EXPECT_EQ(store_->GetResultStatistics()->results, 1u);
  // The same key may be put again.
  store_->RemoveResult(Key(2));
  Put(2, "anew", "");
  EXPECT_EQ(*store_->GetResult(Key(2)), "anew");
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(*store_->GetResult(Key(2)), "anew");
}

TEST_F(StoreResultsTest, ListGoesThroughAllInTheirOwnOrder) {
  Open();
  std::set<std::string> expected;
  for (int n = 0; n < 100; ++n) {
    Put(n, "value", n % 2 == 0 ? "request" : "");
    expected.insert(std::string(Key(n).binary()));
  }
  ASSERT_TRUE(store_->Flush().ok());
  std::vector<std::string> found;
  std::vector<util::Digest> keys = *store_->ListResults(nullptr, 7);
  while (!keys.empty()) {
    EXPECT_LE(keys.size(), 7u);
    for (const util::Digest& key : keys) {
      found.push_back(std::string(key.binary()));
    }
    const util::Digest last = keys.back();
    keys = *store_->ListResults(&last, 7);
  }
  EXPECT_EQ(found, std::vector<std::string>(expected.begin(), expected.end()));
  EXPECT_EQ(store_->GetResultStatistics()->results, 100u);
  EXPECT_EQ(store_->GetResultStatistics()->with_requests, 50u);
}

TEST_F(StoreResultsTest, ClearGivesTheRoomBack) {
  Open();
  for (int n = 0; n < 400; ++n) Put(n, RandomBytes(100000, n), "");
  ASSERT_TRUE(store_->Flush().ok());
  ASSERT_TRUE(store_->ClearResults().ok());
  Open();
  EXPECT_LT(store_->store_bytes(), 4000000u);
}

TEST_F(StoreResultsTest, ClearDeletesResultsAndNothingElse) {
  Open();
  ASSERT_TRUE(store_->PutBase(Key(1), "raw", "", 1).ok());
  for (int n = 0; n < 600; ++n) Put(n, "value", "request");
  ASSERT_TRUE(store_->Flush().ok());
  Put(600, "pending", "request");
  ASSERT_TRUE(store_->ClearResults().ok());
  for (int n = 0; n <= 600; ++n) ASSERT_FALSE(IsThere(n)) << n;
  EXPECT_EQ(store_->GetResultStatistics()->results, 0u);
  EXPECT_EQ(store_->GetResultStatistics()->bytes, 0u);
  EXPECT_EQ(store_->GetResultStatistics()->with_requests, 0u);
  EXPECT_EQ(store_->GetBaseRaw(Key(1))->view(), "raw");
  // Removal is no eviction: the limit was not reached.
  EXPECT_EQ(counters_.Get(Counter::kStoreResultsEvicted), 0u);
}

// Puts ten times the limit, in values from 0 bytes to half a megabyte. The file
// with its journals must stay within the limit, the bound of the journal, and
// the room in pages that are not full.
TEST_F(StoreResultsTest, FileAndJournalStayBoundedUnderSteadyPuts) {
  options_.max_result_bytes = 8 << 20;
  Open();
  uint64_t largest = 0, put = 0;
  for (int n = 0; put < 10 * options_.max_result_bytes; ++n) {
    const size_t size = n % 50 == 0 ? 500000 : n * 7919 % 20000;
    const std::string value = RandomBytes(size, n);
    ASSERT_TRUE(store_->PutResult(Key(n), value, value.substr(0, size / 2)));
    put += size + size / 2;
    if (n % 50 == 0) {
      ASSERT_TRUE(store_->Flush().ok());
    }
    largest = std::max(largest, store_->store_bytes());
  }
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_LE(store_->GetResultStatistics()->bytes, options_.max_result_bytes);
  EXPECT_GT(counters_.Get(Counter::kStoreResultsEvicted), 1000u);
  printf("at most %.1f MB on disk for %.1f MB of results\n", largest / 1e6,
         options_.max_result_bytes / 1e6);
  // The factor 2 is for pages that are not full and free pages that are kept;
  // the 40 MB are for the journal.
  EXPECT_LT(largest, 2 * options_.max_result_bytes + (40u << 20));
}

// Each tiny result counts with the room that its rows take.
TEST_F(StoreResultsTest, TinyResultsAreBoundedByWhatTheyReallyTake) {
  options_.max_result_bytes = 2 << 20;
  Open();
  for (int n = 0; n < 40000; ++n) {
    ASSERT_TRUE(store_->PutResult(Key(n), "x"));
    if (n % 5000 == 0) {
      ASSERT_TRUE(store_->Flush().ok());
    }
  }
  ASSERT_TRUE(store_->Flush().ok());
  Open();
  EXPECT_LT(store_->store_bytes(), 3 * options_.max_result_bytes);
}

// Put and Get never evict. While another process keeps the database locked, so
// that nothing can be deleted, the test puts far more than the limit and reads
// it again, and no call waits for the lock.
TEST_F(StoreResultsTest, EvictionIsNotOnTheCallersPath) {
  options_.max_result_bytes = 100000;
  options_.busy_timeout = absl::Seconds(60);
  Open();
  for (int n = 0; n < 9; ++n) Put(n, RandomBytes(10000, n), "");
  ASSERT_TRUE(store_->Flush().ok());
  {
    OtherConnection other(path());
    other.Run("BEGIN IMMEDIATE");
    const absl::Time start = absl::Now();
    for (int n = 10; n < 60; ++n) Put(n, RandomBytes(10000, n), "");
    for (int n = 0; n < 60; ++n) EXPECT_EQ(IsThere(n), n != 9) << n;
    store_->RemoveResult(Key(0));
    EXPECT_FALSE(IsThere(0));
    EXPECT_LT(absl::Now() - start, absl::Seconds(30));
    EXPECT_EQ(counters_.Get(Counter::kStoreResultsEvicted), 0u);
    other.Run("COMMIT");
  }
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_LE(store_->GetResultStatistics()->bytes, 100000u);
  EXPECT_GT(counters_.Get(Counter::kStoreResultsEvicted), 0u);
}

TEST_F(StoreResultsTest, NetworkFileSystemIsNoticedAndSaid) {
  // The file was made on a local disk and is now reached through the network.
  Open();
  Put(1, "value", "request");
  Close();
  const std::string log_path = root_ + "/log";
  const auto log = util::Log::OpenFile(log_path, util::LogLevel::kInfo);
  ASSERT_TRUE(log.ok()) << log.status();
  options_.log = log->get();
  options_.filesystem_type = 0x6969;
  Open();
  EXPECT_EQ(*store_->GetResult(Key(1)), "value");
  Put(2, "value", "request");
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_FALSE(std::filesystem::exists(path() + "-wal"));
  EXPECT_FALSE(std::filesystem::exists(path() + "-shm"));
  std::ifstream file(log_path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_THAT(text, HasSubstr(options_.directory +
                              " is on a network file system (NFS): SQLite's "
                              "WAL is not used"));
}

TEST_F(StoreResultsTest, LocalFileSystemHasItsJournalAndSaysNothing) {
  const std::string log_path = root_ + "/log";
  const auto log = util::Log::OpenFile(log_path, util::LogLevel::kInfo);
  ASSERT_TRUE(log.ok()) << log.status();
  options_.log = log->get();
  options_.filesystem_type = 0xef53;
  Open();
  Put(1, "value", "request");
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_TRUE(std::filesystem::exists(path() + "-wal"));
  EXPECT_EQ(std::filesystem::file_size(log_path), 0u);
}

}  // namespace
}  // namespace btfd::store
