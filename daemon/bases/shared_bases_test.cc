// SPDX-License-Identifier: Apache-2.0
//
// Tests what the registry asks a shared cache for, and how long it waits for
// the answer.
#include <cstring>
#include <filesystem>
#include <string>

#include "absl/time/time.h"
#include "daemon/bases/registry.h"
#include "gtest/gtest.h"
#include "lib/btf/base.h"
#include "lib/btf/testing/builder.h"
#include "lib/store/store.h"
#include "lib/util/log.h"

namespace btfd::daemon {
namespace {

// A cache with nothing in it but `dedup_index`, if that is not empty. It notes
// how long it may search for one.
class FakeCache final : public SharedCache {
 public:
  std::string dedup_index;
  absl::Duration dedup_patience = absl::ZeroDuration();

  void Find(const v1::FindResultRequest&, absl::Time, Found found) override {
    found(std::nullopt);
  }
  void Keep(const v1::FindResultRequest&, const v1::FinalizeRequest&,
            const v1::FinalizeResponse&) override {}
  bool HasBase(const util::Digest&) override { return false; }
  void ExpectDedupIndex(const util::Digest&) override {}
  absl::StatusOr<util::Blob> FetchIndex(const util::Digest&,
                                        store::IndexPart part,
                                        absl::Duration patience) override {
    if (part != store::IndexPart::kDedup)
      return absl::NotFoundError("nothing here");
    dedup_patience = patience;
    if (dedup_index.empty()) return absl::NotFoundError("nothing here");
    util::Blob blob(dedup_index.size());
    memcpy(blob.data(), dedup_index.data(), dedup_index.size());
    return blob;
  }
  absl::StatusOr<std::string> FetchBase(const util::Digest&) override {
    return absl::NotFoundError("nothing here");
  }
  void OfferIndex(const util::Digest&, store::IndexPart, absl::string_view,
                  const std::function<std::string()>&) override {}
  bool paused() const override { return false; }
  bool Finish(absl::Duration) override { return true; }
  void Stop() override {}
};

class SharedBasesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    btf::testing::BtfBuilder builder;
    builder.Int("int", 4);
    raw_ = builder.Build();
    digest_ = util::Digest::Of(raw_);
  }

  BaseRegistry Registry(store::Store* store = nullptr) {
    return BaseRegistry(1 << 20, store, &counters_, &log_, &cache_);
  }

  // Adds the base, and tells which dedup index serves it.
  void UseDedupIndex(BaseRegistry* registry, std::string* used) {
    ASSERT_TRUE(registry->Add(digest_, raw_, "here").ok());
    const auto handle = registry->Acquire(digest_);
    ASSERT_TRUE(handle.ok()) << handle.status();
    const auto index = handle->dedup_index();
    ASSERT_TRUE(index.ok()) << index.status();
    *used = std::string((*index)->blob());
  }

  store::Counters counters_;
  util::Log log_{util::LogLevel::kError};
  FakeCache cache_;
  std::string raw_;
  util::Digest digest_;
};

TEST_F(SharedBasesTest, ADedupIndexFromTheCacheIsUsed) {
  const auto base = btf::Base::Build(raw_);
  ASSERT_TRUE(base.ok());
  const auto index = btf::DedupIndex::Build(**base);
  ASSERT_TRUE(index.ok());
  cache_.dedup_index = std::string((*index)->blob());
  BaseRegistry registry = Registry();
  std::string used;
  ASSERT_NO_FATAL_FAILURE(UseDedupIndex(&registry, &used));
  EXPECT_EQ(used, cache_.dedup_index);
  ASSERT_TRUE(registry.FinishSaving(absl::Seconds(20)));
  EXPECT_EQ(counters_.Get(store::Counter::kRemoteBad), 0);
}

TEST_F(SharedBasesTest, ADedupIndexThatIsNoneIsMadeHere) {
  cache_.dedup_index = std::string(5000, 'x');
  BaseRegistry registry = Registry();
  std::string used;
  ASSERT_NO_FATAL_FAILURE(UseDedupIndex(&registry, &used));
  EXPECT_NE(used, cache_.dedup_index);
  EXPECT_EQ(counters_.Get(store::Counter::kRemoteBad), 1);
}

TEST_F(SharedBasesTest, ABaseFromTheStoreWaitsNoLongerThanItsIndexTakes) {
  const std::string directory = ::testing::TempDir() + "/shared_bases";
  std::filesystem::remove_all(directory);
  store::StoreOptions options;
  options.directory = directory;
  const auto store = store::Store::Open(options);
  ASSERT_TRUE(store.ok()) << store.status();
  {
    BaseRegistry maker = Registry(store->get());
    ASSERT_TRUE(maker.Add(digest_, raw_, "here").ok());
    ASSERT_TRUE(maker.FinishSaving(absl::Seconds(20)));
  }
  BaseRegistry registry = Registry(store->get());
  const auto base = registry.Acquire(digest_);
  ASSERT_TRUE(base.ok()) << base.status();
  ASSERT_TRUE(base->dedup_index().ok());
  EXPECT_GT(cache_.dedup_patience, absl::ZeroDuration());
  EXPECT_LT(cache_.dedup_patience, absl::Milliseconds(100));
}

}  // namespace
}  // namespace btfd::daemon
