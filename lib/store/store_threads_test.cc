// SPDX-License-Identifier: Apache-2.0
//
// Tests many threads on one store, and two stores on one file, as two daemons
// use it. Every answer must be right.
#include <unistd.h>

#include <atomic>
#include <random>
#include <thread>

#include "lib/store/store.h"
#include "lib/store/store_test_util.h"

namespace btfd::store {
namespace {
std::string ValueOf(int number) {
  return RandomBytes(500 + number * 37 % 20000, number);
}
std::string RawOf(int number) { return RandomBytes(400000, 1000 + number); }

class StoreThreadsTest : public StoreTest {
 protected:
  void SetUp() override {
    options_.write_delay = absl::Milliseconds(1);
    options_.busy_timeout = absl::Seconds(20);
    options_.max_result_bytes = 400000;
    options_.max_base_bytes = 1500000;
  }

  // Does what requests do: some calls of each kind, most of them for results.
  static void Work(Store* store, int seed, std::atomic<int>* hits) {
    std::mt19937 random(seed);
    for (int i = 0; i < 400; ++i) {
      const int number = static_cast<int>(random() % 200);
      const auto result = store->GetResult(Key(number));
      if (result.ok()) {
        EXPECT_TRUE(*result == ValueOf(number));
        ++*hits;
      } else {
        EXPECT_EQ(result.status().code(), absl::StatusCode::kNotFound)
            << result.status();
        store->PutResult(Key(number), ValueOf(number));
      }
      store->AddCounters({{"requests", 1}});
      const int file = static_cast<int>(random() % 5);
      const FileKey file_key = {std::to_string(file), "state", "sample"};
      const auto digest = store->GetFileKey(file_key);
      if (digest.ok()) {
        EXPECT_EQ(*digest, Key(file));
      } else {
        store->PutFileKey(file_key, Key(file));
      }
      if (i % 10 == 0) WorkOnBases(store, static_cast<int>(random() % 5));
      if (i % 100 == 99) {
        EXPECT_TRUE(store->Flush().ok());
      }
    }
  }

  static void WorkOnBases(Store* store, int number) {
    const auto raw = store->GetBaseRaw(Key(number));
    if (raw.ok()) {
      EXPECT_TRUE(raw->view() == RawOf(number));
      store->TouchBase(Key(number));
      if (number == 0) {
        EXPECT_TRUE(store->RemoveBase(Key(number)).ok());
      }
    } else {
      EXPECT_EQ(raw.status().code(), absl::StatusCode::kNotFound)
          << raw.status();
      EXPECT_TRUE(store->PutBase(Key(number), RawOf(number), "", 1).ok());
    }
    EXPECT_TRUE(store->ListBases().ok());
    EXPECT_TRUE(store->GetCounters().ok());
  }

  void ExpectSoundFile() const {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path().c_str(), &db), SQLITE_OK);
    std::string verdict;
    const auto row = [](void* to, int, char** columns, char**) {
      static_cast<std::string*>(to)->append(columns[0]);
      return 0;
    };
    EXPECT_EQ(
        sqlite3_exec(db, "PRAGMA integrity_check", row, &verdict, nullptr),
        SQLITE_OK);
    EXPECT_EQ(verdict, "ok");
    sqlite3_close(db);
  }
};

TEST_F(StoreThreadsTest, ThreadsShareAStore) {
  Open();
  std::atomic<int> hits = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] { Work(store_.get(), t, &hits); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(hits, 0);
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(store_->GetCounters()->at("requests"), 8u * 400);
  EXPECT_GT(counters_.Get(Counter::kStoreResultsEvicted), 0u);
  EXPECT_GT(counters_.Get(Counter::kStoreBasesEvicted), 0u);
  EXPECT_EQ(counters_.Get(Counter::kStoreErrors), 0u);
  EXPECT_EQ(counters_.Get(Counter::kStoreChecksumFailures), 0u);
  Close();
  ExpectSoundFile();
}

TEST_F(StoreThreadsTest, TwoStoresShareAFile) {
  Open();
  auto second = Store::Open(options_);
  ASSERT_TRUE(second.ok()) << second.status();
  std::atomic<int> hits = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    Store* store = t % 2 == 0 ? store_.get() : second->get();
    threads.emplace_back([&, store, t] { Work(store, t, &hits); });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(store_->Flush().ok());
  ASSERT_TRUE((*second)->Flush().ok());
  EXPECT_EQ(store_->GetCounters()->at("requests"), 4u * 400);
  EXPECT_EQ(counters_.Get(Counter::kStoreErrors), 0u);
  EXPECT_EQ(counters_.Get(Counter::kStoreChecksumFailures), 0u);
  second->reset();
  Close();
  ExpectSoundFile();
}

TEST_F(StoreThreadsTest, OfManyThatFindTheFileDamagedOneSetsItAside) {
  std::filesystem::create_directory(options_.directory);
  WriteFile(std::string(100000, 'x'));
  std::vector<std::unique_ptr<Store>> stores(6);
  std::vector<std::thread> threads;
  for (auto& store : stores) {
    threads.emplace_back([&] {
      auto opened = Store::Open(options_);
      ASSERT_TRUE(opened.ok()) << opened.status();
      store = *std::move(opened);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counters_.Get(Counter::kStoreSetAside), 1u);
  ASSERT_TRUE(stores[0]->PutBase(Key(1), "raw", "", 1).ok());
  for (const auto& store : stores) {
    EXPECT_EQ(store->GetBaseRaw(Key(1))->view(), "raw");
  }
}

TEST_F(StoreThreadsTest, DamageUnderManyThreadsIsRepairedOnce) {
  Open();
  for (int n = 0; n < 3; ++n) {
    ASSERT_TRUE(store_->PutBase(Key(n), RawOf(n), "", 1).ok());
  }
  Open();
  ASSERT_EQ(truncate(path().c_str(), 40000), 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const auto raw = store_->GetBaseRaw(Key(t % 3));
        if (raw.ok()) {
          EXPECT_TRUE(raw->view() == RawOf(t % 3));
        }
        if (!raw.ok()) {
          store_->PutBase(Key(t % 3), RawOf(t % 3), "", 1).IgnoreError();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counters_.Get(Counter::kStoreSetAside), 1u);
  for (int n = 0; n < 3; ++n) {
    EXPECT_TRUE(store_->GetBaseRaw(Key(n))->view() == RawOf(n));
  }
}

}  // namespace
}  // namespace btfd::store
