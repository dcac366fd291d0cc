// SPDX-License-Identifier: Apache-2.0
//
// The remote cache with buildbox-casd. Run by hand or by tools/farm-check,
// because making the server's root directory takes longer than the test suite
// may.
#include "tests/remote_cache/casd.h"

#include "tests/remote_cache/cache_test_util.h"

namespace btfd::tests {
namespace {

class CasdTest : public CacheTest {
 protected:
  void SetUp() override {
    const absl::Status started = casd_.Start();
    ASSERT_TRUE(started.ok()) << started;
    options_.server.endpoint.target = casd_.address();
    Connect();
    // This server does not count calls as the fake one does. After an answer
    // the cache soon knows the server's limits.
    Find(Sample(-1));
    absl::SleepFor(absl::Milliseconds(500));
  }

  Casd casd_;
};

TEST_F(CasdTest, ResultsOfAllSizesComeBackAsTheyWere) {
  for (const size_t size : {0, 1'000, 1'000'000, 9'000'000}) {
    const Sample sample(1, size);
    EXPECT_FALSE(Find(sample).has_value());
    Store(sample);
    ExpectHit(sample);
  }
  EXPECT_EQ(Count(Counter::kRemoteUploads), 4);
  EXPECT_EQ(Count(Counter::kRemoteFailures), 0);
  EXPECT_EQ(Count(Counter::kRemoteBad), 0);
}

TEST_F(CasdTest, ManyAtOnce) {
  constexpr int kCount = 300;
  for (int i = 0; i < kCount; ++i) Keep(Sample(i));
  ASSERT_TRUE(cache_->Finish(absl::Seconds(60)));
  EXPECT_EQ(Count(Counter::kRemoteUploads), kCount);
  Connect();
  for (int i = 0; i < kCount; ++i) ExpectHit(Sample(i));
}

TEST_F(CasdTest, BasesAndIndexesTravel) {
  const std::string raw(5'500'000, 'b');
  const util::Digest base = util::Digest::Of(raw);
  const std::string index(10'000'000, 'i');
  cache_->OfferIndex(base, store::IndexPart::kCore, index, [&] { return raw; });
  ASSERT_TRUE(cache_->Finish(absl::Seconds(60)));
  Connect();
  EXPECT_TRUE(cache_->HasBase(base));
  ExpectIndex(base, store::IndexPart::kCore, index);
  EXPECT_EQ(*cache_->FetchBase(base), raw);
}

TEST_F(CasdTest, KilledAndStartedAgainItHasWhatItHad) {
  const Sample sample;
  Store(sample);
  casd_.Kill();
  EXPECT_FALSE(Find(sample).has_value());
  ASSERT_TRUE(casd_.Start().ok());
  Await([&] { return Find(sample).has_value(); });
  ExpectHit(sample);
}

TEST_F(CasdTest, ABlobSpoiledOnItsDiskIsNoHit) {
  const Sample sample(1, 100'000);
  Store(sample);
  const std::string hash = util::Digest::Of(sample.response.btf()).hex();
  int spoiled = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(casd_.directory())) {
    const std::string path = entry.path();
    // The first two digits of a hash are a directory.
    if (path.find(hash.substr(2)) == path.npos) continue;
    std::filesystem::permissions(path, std::filesystem::perms::owner_write,
                                 std::filesystem::perm_options::add);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(50'000);
    file << "spoiled";
    ++spoiled;
  }
  ASSERT_EQ(spoiled, 1) << hash;
  EXPECT_FALSE(Find(sample).has_value());
  EXPECT_EQ(Count(Counter::kRemoteBad), 1);
}

}  // namespace
}  // namespace btfd::tests
