// SPDX-License-Identifier: Apache-2.0
//
// If a remote cache is slow, full, wrong or gone, that must count as a miss.
#include <grpcpp/support/status_code_enum.h>

#include <atomic>

#include "absl/synchronization/blocking_counter.h"
#include "tests/remote_cache/cache_test_util.h"

namespace btfd::tests {
namespace {

class FaultsTest : public CacheTest {
 protected:
  // Serves a cache with one result.
  void ServeOne(FakeServerOptions options = {}) {
    Serve(options);
    Connect();
    AwaitCapabilities();
    Store(sample_);
    ExpectHit(sample_);
    Connect();
    AwaitCapabilities(2);
  }
  void ExpectNothing() { EXPECT_FALSE(Find(sample_).has_value()); }

  const Sample sample_{0, 20'000};
};

TEST_F(FaultsTest, AServerThatIsNotThereIsAMiss) {
  Serve();
  server_->Stop();
  Connect();
  ExpectNothing();
  EXPECT_EQ(Count(Counter::kRemoteFailures), 1);
}

TEST_F(FaultsTest, ASlowServerCostsTheTimeBudgetAndNoMore) {
  ServeOne();
  options_.timeout = absl::Milliseconds(100);
  Connect();
  Faults faults;
  faults.delay = absl::Seconds(30);
  server_->SetFaults(faults);
  const absl::Time start = absl::Now();
  ExpectNothing();
  EXPECT_LT(absl::Now() - start, absl::Seconds(20));
  EXPECT_EQ(Count(Counter::kRemoteFailures), 1);
  server_->SetFaults({});
}

// 64 lookups begin at once and share the line. A lookup that waits for the
// bytes of the others must not time out.
TEST_F(FaultsTest, ALookupHasTimeForWhatOthersAskedForBefore) {
  FakeServerOptions options;
  options.inline_outputs = true;  // one call for each
  ServeOne(options);
  options_.timeout = absl::Milliseconds(100);
  options_.min_rate = sample_.request.btf().size();  // one second for each
  Connect();
  Faults faults;
  faults.delay = absl::Milliseconds(1500);
  server_->SetFaults(faults);
  constexpr int kCount = 64;
  std::atomic<int> hits{0};
  absl::BlockingCounter open(kCount);
  for (int i = 0; i < kCount; ++i) {
    cache_->Find(sample_.query, absl::InfiniteFuture(), [&](const auto& found) {
      hits += found.has_value() ? 1 : 0;
      open.DecrementCount();
    });
  }
  open.Wait();
  // The first few have no others before them.
  EXPECT_GE(hits, kCount / 2);
  server_->SetFaults({});
}

TEST_F(FaultsTest, TheCallersDeadlineCountsIfItIsSooner) {
  ServeOne();
  Faults faults;
  faults.delay = absl::Seconds(30);
  server_->SetFaults(faults);
  const absl::Time start = absl::Now();
  EXPECT_FALSE(Find(sample_, start + absl::Milliseconds(100)).has_value());
  EXPECT_LT(absl::Now() - start, absl::Seconds(15));
  server_->SetFaults({});
}

TEST_F(FaultsTest, EveryErrorOfEitherCallIsAMiss) {
  for (const char* method : {"GetActionResult", "BatchReadBlobs"}) {
    for (const auto code :
         {grpc::StatusCode::RESOURCE_EXHAUSTED, grpc::StatusCode::INTERNAL,
          grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::PERMISSION_DENIED,
          grpc::StatusCode::UNIMPLEMENTED,
          grpc::StatusCode::INVALID_ARGUMENT}) {
      ServeOne();
      Faults faults;
      faults.codes[method] = code;
      server_->SetFaults(faults);
      ExpectNothing();
      EXPECT_EQ(Count(Counter::kRemoteFailures), 1) << method << " " << code;
    }
  }
}

TEST_F(FaultsTest, AFlippedBitIsNoticedHoweverTheBytesCame) {
  for (const bool inlined : {true, false}) {
    for (const bool zstd : {true, false}) {
      for (const uint64_t batch : {8'000u, 1'000'000u}) {
        FakeServerOptions options;
        options.inline_outputs = inlined;
        options.zstd = zstd;
        options.max_batch_bytes = batch;
        ServeOne(options);
        Faults faults;
        faults.wrong_bytes = true;
        server_->SetFaults(faults);
        ExpectNothing();
        EXPECT_EQ(Count(Counter::kRemoteBad), 1)
            << inlined << zstd << " " << batch;
      }
    }
  }
}

TEST_F(FaultsTest, ABlobThatEndsEarlyIsNoticed) {
  for (const uint64_t batch : {8'000u, 1'000'000u}) {
    FakeServerOptions options;
    options.max_batch_bytes = batch;
    ServeOne(options);
    Faults faults;
    faults.short_bytes = true;
    server_->SetFaults(faults);
    ExpectNothing();
    EXPECT_EQ(Count(Counter::kRemoteBad), 1) << batch;
  }
}

TEST_F(FaultsTest, AStreamThatDoesNotEndIsLeft) {
  FakeServerOptions options;
  options.max_batch_bytes = 8'000;
  ServeOne(options);
  Faults faults;
  faults.long_bytes = true;
  server_->SetFaults(faults);
  ExpectNothing();
  EXPECT_EQ(Count(Counter::kRemoteBad), 1);
}

TEST_F(FaultsTest, AResultWhoseBlobsAreGoneIsAMissAndHealed) {
  ServeOne();
  server_->DropBlob(sample_.response.btf());
  ExpectNothing();
  EXPECT_EQ(Count(Counter::kRemoteMisses), 1);
  EXPECT_EQ(Count(Counter::kRemoteFailures), 0);
  Store(sample_);
  ExpectHit(sample_);
}

TEST_F(FaultsTest, AResultOfAnotherKindIsNoticed) {
  ServeOne();
  server_->EditResults([](auto* result, const FakeServer::Put& put) {
    auto* file = result->add_output_files();
    file->set_path("authorized_keys");
    *file->mutable_digest() = put("surprise");
  });
  ExpectNothing();
  EXPECT_EQ(Count(Counter::kRemoteBad), 1);
}

TEST_F(FaultsTest, ARawBaseThatIsAnotherOneIsNoticed) {
  Serve();
  Connect();
  const util::Digest base = util::Digest::Of("raw");
  cache_->OfferIndex(base, store::IndexPart::kCore, "index",
                     [] { return "raw"; });
  ASSERT_TRUE(cache_->Finish(absl::Seconds(60)));
  server_->EditResults([](auto* result, const FakeServer::Put& put) {
    *result->mutable_output_files(0)->mutable_digest() = put("other");
  });
  const auto fetched = cache_->FetchBase(base);
  EXPECT_EQ(fetched.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(fetched.status().message(),
              ::testing::HasSubstr("is another one"));
  EXPECT_EQ(Count(Counter::kRemoteBad), 1);
}

TEST_F(FaultsTest, AfterARowOfFailuresTheServerIsLeftAloneUntilItIsBack) {
  ServeOne();
  server_->Stop();
  for (int i = 0; i < 20; ++i) ExpectNothing();
  EXPECT_EQ(Count(Counter::kRemoteFailures), 5);
  EXPECT_EQ(Count(Counter::kRemoteSkipped), 15);
  EXPECT_EQ(Count(Counter::kRemoteBreakerOpened), 1);
  server_->Start();
  Await([&] { return Find(sample_).has_value(); });
  ExpectHit(sample_);
}

TEST_F(FaultsTest, AServerThatComesLateIsUsed) {
  Serve();
  server_->Stop();
  Connect();
  ExpectNothing();
  server_->Start();
  Await([&] {
    Find(sample_);
    return Count(Counter::kRemoteMisses) > 0;
  });
  Store(sample_);
  ExpectHit(sample_);
}

TEST_F(FaultsTest, UploadsBeyondTheirBoundsAreDropped) {
  Serve();
  Connect();
  AwaitCapabilities();
  options_.max_uploads = 2;
  Connect();
  Faults faults;
  faults.delay = absl::Milliseconds(500);
  server_->SetFaults(faults);
  for (int i = 0; i < 10; ++i) Keep(Sample(i));
  EXPECT_EQ(Count(Counter::kRemoteUploadsDropped), 8);
  server_->SetFaults({});
  ASSERT_TRUE(cache_->Finish(absl::Seconds(60)));
  EXPECT_EQ(server_->results(), 2);

  options_.max_uploads = 100;
  options_.max_upload_bytes = 10'000;
  Connect();
  Keep(sample_);
  EXPECT_EQ(Count(Counter::kRemoteUploadsDropped), 1);
}

TEST_F(FaultsTest, AResultIsNotSentUnlessAllItsBlobsArrived) {
  for (const char* method : {"FindMissingBlobs", "BatchUpdateBlobs"}) {
    Serve();
    Connect();
    Faults faults;
    faults.codes[method] = grpc::StatusCode::RESOURCE_EXHAUSTED;
    server_->SetFaults(faults);
    Store(sample_);
    EXPECT_EQ(server_->calls("UpdateActionResult"), 0);
    EXPECT_EQ(Count(Counter::kRemoteUploadFailures), 1);
  }
}

TEST_F(FaultsTest, AFullServerIsGivenAPauseFromUploadsButStillAsked) {
  ServeOne();
  Faults faults;
  faults.codes["BatchUpdateBlobs"] = grpc::StatusCode::RESOURCE_EXHAUSTED;
  server_->SetFaults(faults);
  for (int i = 1; i <= 5; ++i) Store(Sample(i));
  EXPECT_EQ(Count(Counter::kRemoteUploadFailures), 3);
  EXPECT_EQ(Count(Counter::kRemoteUploadsDropped), 2);
  ExpectHit(sample_);
}

TEST_F(FaultsTest, TheEndDoesNotWaitForAServerThatHangs) {
  ServeOne();
  Faults faults;
  faults.delay = absl::Seconds(2);
  server_->SetFaults(faults);
  for (int i = 0; i < 5; ++i) Keep(Sample(i));
  absl::Notification ended;
  cache_->Find(sample_.query, absl::InfiniteFuture(),
               [&](const auto&) { ended.Notify(); });
  EXPECT_FALSE(cache_->Finish(absl::Milliseconds(10)));
  const absl::Time start = absl::Now();
  cache_ = nullptr;
  EXPECT_TRUE(ended.HasBeenNotified()) << "everybody gets an answer";
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
  server_->SetFaults({});
}

}  // namespace
}  // namespace btfd::tests
