// SPDX-License-Identifier: Apache-2.0
//
// Tests what the registry asks a shared cache for, and how long it waits for
// the answer.
#include <filesystem>
#include <string>

#include "absl/time/time.h"
#include "daemon/bases/registry.h"
#include "gtest/gtest.h"
#include "lib/btf/testing/builder.h"
#include "lib/store/store.h"
#include "lib/util/log.h"

namespace btfd::daemon {
namespace {

// A cache with nothing in it, which notes how long it may search for a dedup
// index.
class EmptyCache final : public SharedCache {
 public:
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
    if (part == store::IndexPart::kDedup) dedup_patience = patience;
    return absl::NotFoundError("nothing here");
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

TEST(SharedBases, ABaseFromTheStoreWaitsForItsDedupIndexNoLongerThanItTakes) {
  const std::string directory = ::testing::TempDir() + "/shared_bases";
  std::filesystem::remove_all(directory);
  store::Counters counters;
  store::StoreOptions options;
  options.directory = directory;
  const auto store = store::Store::Open(options);
  ASSERT_TRUE(store.ok()) << store.status();
  util::Log log(util::LogLevel::kError);
  btf::testing::BtfBuilder builder;
  builder.Int("int", 4);
  const std::string raw = builder.Build();
  const util::Digest digest = util::Digest::Of(raw);
  constexpr uint64_t kMemory = 1 << 20;
  {
    BaseRegistry maker(kMemory, store->get(), &counters, &log);
    ASSERT_TRUE(maker.Add(digest, raw, "here").ok());
    ASSERT_TRUE(maker.FinishSaving(absl::Seconds(20)));
  }
  EmptyCache cache;
  BaseRegistry registry(kMemory, store->get(), &counters, &log, &cache);
  const auto base = registry.Acquire(digest);
  ASSERT_TRUE(base.ok()) << base.status();
  ASSERT_TRUE(base->dedup_index().ok());
  EXPECT_GT(cache.dedup_patience, absl::ZeroDuration());
  EXPECT_LT(cache.dedup_patience, absl::Milliseconds(100));
}

}  // namespace
}  // namespace btfd::daemon
