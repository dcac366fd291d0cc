// SPDX-License-Identifier: Apache-2.0
//
// The remote cache without faults, with servers that differ in what they offer.
#include <numeric>
#include <vector>

#include "tests/remote_cache/cache_test_util.h"
#include "tests/support/certificates.h"

namespace btfd::tests {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RemoteCacheTest : public CacheTest {
 protected:
  ~RemoteCacheTest() override {
    if (server_ != nullptr) {
      EXPECT_THAT(server_->violations(), IsEmpty());
    }
  }
};

TEST_F(RemoteCacheTest, WhatOneHostMadeAnotherHostFinds) {
  Serve();
  Connect();
  Store(Sample());
  EXPECT_EQ(Count(Counter::kRemoteUploads), 1);
  Connect();
  ExpectHit(Sample());
  EXPECT_EQ(Count(Counter::kRemoteHits), 1);
}

TEST_F(RemoteCacheTest, WhatNobodyMadeIsAMiss) {
  Serve();
  Connect();
  EXPECT_FALSE(Find(Sample()).has_value());
  EXPECT_EQ(Count(Counter::kRemoteMisses), 1);
  EXPECT_EQ(Count(Counter::kRemoteFailures), 0);
}

TEST_F(RemoteCacheTest, TheServerGetsAWholeAction) {
  Serve();  // checks all parts of an Action
  Connect();
  const Sample sample;
  Store(sample);
  EXPECT_TRUE(server_->HasBlob(sample.request.btf()));
  EXPECT_TRUE(server_->HasBlob(sample.response.btf()));
  EXPECT_THAT(server_->commands(),
              Contains(HasSubstr("btfd finalize --engine=1 ")));
}

TEST_F(RemoteCacheTest, InputsStayAtHomeIfToldSo) {
  FakeServerOptions server;
  server.require_inputs = false;
  Serve(server);
  options_.upload_inputs = false;
  Connect();
  const Sample sample;
  Store(sample);
  EXPECT_FALSE(server_->HasBlob(sample.request.btf()));
  ExpectHit(sample);
}

TEST_F(RemoteCacheTest, OutputsThatTheServerInlinesNeedNoSecondCall) {
  FakeServerOptions server;
  server.inline_outputs = true;
  Serve(server);
  Connect();
  Store(Sample());
  ExpectHit(Sample());
  EXPECT_EQ(server_->calls("BatchReadBlobs"), 0);
}

TEST_F(RemoteCacheTest, AnInstanceIsNamedInEveryCall) {
  FakeServerOptions server;
  server.instance = "farm/kernel";
  server.max_batch_bytes = 5000;  // uses both ways of sending blobs
  Serve(server);
  Connect();
  AwaitCapabilities();
  Store(Sample(1));
  Store(Sample(2, 20'000));
  ExpectHit(Sample(1));
  ExpectHit(Sample(2, 20'000));
}

TEST_F(RemoteCacheTest, BlobsBeyondABatchGoInPieces) {
  FakeServerOptions server;
  server.max_batch_bytes = 100'000;
  Serve(server);
  Connect();
  AwaitCapabilities();
  const Sample large(1, 1'000'000);
  Store(large);
  EXPECT_EQ(server_->calls("Write"), 2) << "input and output";
  ExpectHit(large);
  EXPECT_EQ(server_->calls("Read"), 3) << "side by side";
}

TEST_F(RemoteCacheTest, ZstdIsUsedWhereItIsOffered) {
  FakeServerOptions server;
  server.zstd = true;
  server.max_batch_bytes = 500'000;
  Serve(server);
  Connect();
  AwaitCapabilities();
  const Sample small(1, 100'000);
  const Sample large(2, 1'000'000);
  Store(small);
  Store(large);
  EXPECT_LT(Count(Counter::kRemoteBytesSent), 100'000);
  ExpectHit(small);
  ExpectHit(large);
  EXPECT_LT(Count(Counter::kRemoteBytesReceived), 100'000);
}

TEST_F(RemoteCacheTest, ZstdIsLeftAloneWhereItIsTurnedOff) {
  FakeServerOptions server;
  server.zstd = true;
  Serve(server);
  options_.compression = false;
  Connect();
  AwaitCapabilities();
  Store(Sample(1, 100'000));
  EXPECT_GT(Count(Counter::kRemoteBytesSent), 200'000);
}

TEST_F(RemoteCacheTest, AHitSendsLittle) {
  Serve();
  Connect();
  Store(Sample(1, 500'000));
  Connect();
  ExpectHit(Sample(1, 500'000));
  EXPECT_LE(Count(Counter::kRemoteBytesSent), 500);
}

TEST_F(RemoteCacheTest, AReadOnlyHostNeverWrites) {
  Serve();
  options_.read_only = true;
  Connect();
  Store(Sample());
  cache_->OfferIndex(util::Digest::Of("base"), store::IndexPart::kCore, "index",
                     [] { return "base"; });
  EXPECT_TRUE(cache_->Finish(absl::Seconds(60)));
  EXPECT_EQ(server_->blobs(), 0);
  EXPECT_EQ(server_->results(), 0);
}

TEST_F(RemoteCacheTest, AServerThatTakesNoResultsIsNotSentAny) {
  FakeServerOptions server;
  server.update_enabled = false;
  Serve(server);
  Connect();
  AwaitCapabilities();
  Store(Sample());
  EXPECT_EQ(server_->calls("UpdateActionResult"), 0);
}

TEST_F(RemoteCacheTest, ManyLookupsAreUnderWayAtOnce) {
  Serve();
  Connect();
  constexpr int kCount = 500;
  for (int i = 0; i < kCount; ++i) Keep(Sample(i));
  ASSERT_TRUE(cache_->Finish(absl::Seconds(60)));
  EXPECT_EQ(server_->results(), kCount);

  std::vector<absl::Notification> ended(kCount);
  std::vector<std::string> found(kCount);
  for (int i = 0; i < kCount; ++i) {
    cache_->Find(Sample(i).query, absl::InfiniteFuture(), [&, i](auto result) {
      if (result.has_value()) found[i] = result->btf();
      ended[i].Notify();
    });
  }
  for (int i = 0; i < kCount; ++i) {
    ended[i].WaitForNotification();
    EXPECT_EQ(found[i], Sample(i).response.btf());
  }
  EXPECT_LT(server_->calls("BatchReadBlobs"), kCount)
      << "blobs of several lookups share a call";
}

TEST_F(RemoteCacheTest, TheSameBlobForTwoIsFetchedForBoth) {
  Serve();
  Connect();
  Sample a(1);
  Sample b(2);
  b.response.set_btf(a.response.btf());
  b.response.set_btf_base(a.response.btf());
  Store(a);
  Store(b);
  ExpectHit(a);
  ExpectHit(b);
}

TEST_F(RemoteCacheTest, ABaseAndItsIndexesTravelToAHostThatHasNeither) {
  Serve();
  Connect();
  const std::string raw(300'000, 'b');
  const util::Digest base = util::Digest::Of(raw);
  cache_->OfferIndex(base, store::IndexPart::kCore, "core index",
                     [&] { return raw; });
  cache_->OfferIndex(base, store::IndexPart::kDedup, "dedup index",
                     [] { return std::string(); });
  ASSERT_TRUE(cache_->Finish(absl::Seconds(60)));
  Connect();
  ExpectIndex(base, store::IndexPart::kCore, "core index");
  ExpectIndex(base, store::IndexPart::kDedup, "dedup index");
  EXPECT_EQ(*cache_->FetchBase(base), raw);
  EXPECT_EQ(Count(Counter::kRemoteIndexes), 2);
  EXPECT_EQ(Count(Counter::kRemoteBases), 1);
}

TEST_F(RemoteCacheTest, ALargeIndexTravelsPackedAndInParts) {
  for (const bool zstd : {false, true}) {
    FakeServerOptions server;
    server.zstd = zstd;
    server.max_batch_bytes = 50'000;  // parts above and below it
    Serve(server);
    Connect();
    AwaitCapabilities();
    std::string index;
    for (uint32_t i = 0; i < 500'000; ++i) {
      const uint32_t word = i < 100'000 ? i * 2'654'435'761u : 12 * i;
      index.append(reinterpret_cast<const char*>(&word), sizeof(word));
    }
    const util::Digest base = util::Digest::Of("raw");
    cache_->OfferIndex(base, store::IndexPart::kCore, index,
                       [] { return "raw"; });
    ASSERT_TRUE(cache_->Finish(absl::Seconds(60)));
    EXPECT_LT(Count(Counter::kRemoteBytesSent), 700'000);
    Connect();
    AwaitCapabilities(2);
    ExpectIndex(base, store::IndexPart::kCore, index);
  }
}

TEST_F(RemoteCacheTest, AnIndexThatIsThereIsNotSentAgain) {
  Serve();
  Connect();
  const util::Digest base = util::Digest::Of("raw");
  const auto offer = [&] {
    cache_->OfferIndex(base, store::IndexPart::kCore, "index",
                       [] { return "raw"; });
    ASSERT_TRUE(cache_->Finish(absl::Seconds(60)));
  };
  offer();
  offer();  // by the same host
  Connect();
  offer();  // by another
  EXPECT_EQ(server_->calls("UpdateActionResult"), 1);
}

TEST_F(RemoteCacheTest, AnIndexOfAnotherVersionIsNotFound) {
  Serve();
  Connect();
  const util::Digest base = util::Digest::Of("raw");
  cache_->OfferIndex(base, store::IndexPart::kDedup, "index",
                     [] { return std::string(); });
  ASSERT_TRUE(cache_->Finish(absl::Seconds(60)));
  options_.index_version = "2";
  Connect();
  EXPECT_EQ(
      cache_
          ->FetchIndex(base, store::IndexPart::kDedup, absl::InfiniteDuration())
          .status()
          .code(),
      absl::StatusCode::kNotFound);
}

TEST_F(RemoteCacheTest, ATokenOpensTheDoorAndMayBeRenewed) {
  FakeServerOptions server;
  server.token = "first";
  Serve(server);
  options_.server.token_file = directory_ + "/token";
  std::ofstream(options_.server.token_file) << "first\n";
  Connect();
  Store(Sample());
  ExpectHit(Sample());

  server.token = "second";
  Serve(server);  // another server, and empty
  Connect();
  EXPECT_FALSE(Find(Sample()).has_value());
  EXPECT_EQ(Count(Counter::kRemoteFailures), 1);
  std::ofstream(options_.server.token_file + ".new") << "second\n";
  std::filesystem::rename(options_.server.token_file + ".new",
                          options_.server.token_file);
  Await([&] {
    Find(Sample());
    return Count(Counter::kRemoteMisses) > 0;
  });
}

TEST_F(RemoteCacheTest, BothSidesShowCertificates) {
  CertificateAuthority authority;
  CertificateSubject subject;
  subject.addresses = {"127.0.0.1"};
  const Certificate certificate = authority.Issue(subject);
  FakeServerOptions server;
  server.certificate = certificate.certificate;
  server.key = certificate.key;
  server.client_ca = authority.pem();
  Serve(server);
  std::ofstream(directory_ + "/ca.crt") << authority.pem();
  authority.Issue({}).WriteTo(directory_, "client");
  options_.server.files.ca = directory_ + "/ca.crt";

  Connect();
  EXPECT_FALSE(Find(Sample()).has_value());
  EXPECT_EQ(Count(Counter::kRemoteFailures), 1) << "no client certificate";

  options_.server.files.certificate = directory_ + "/client.crt";
  options_.server.files.key = directory_ + "/client.key";
  Connect();
  Store(Sample());
  ExpectHit(Sample());
}

}  // namespace
}  // namespace btfd::tests
