// SPDX-License-Identifier: Apache-2.0
//
// Tests whether a wrong result is found whose row is sound, with a right
// checksum: only the answer in it is not what the engine gives.
#include <atomic>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "daemon/testing/service_test_util.h"

namespace btfd::daemon {
namespace {

using store::Counter;
using ::testing::ElementsAre;

class ResultVerifierTest : public ServiceTest {
 protected:
  // Finalizes module number n over the base, and keeps the answer.
  v1::FinalizeRequest KeepOne(int n) {
    v1::FinalizeRequest request = RequestFor(btf_);
    // This changes the answer's key, but not the answer.
    request.mutable_ids()->set_address(n);
    EXPECT_THAT(Finalize(request), Ended(v1::OK, ""));
    return request;
  }
  util::Digest KeyOf(const v1::FinalizeRequest& request) const {
    const util::Digest base = btf_.digest();
    return ResultCache::KeyOf(request, &base);
  }

  // Puts another answer in its place, as a defect of ours might.
  void Poison(const v1::FinalizeRequest& request) {
    const util::Digest key = KeyOf(request);
    ASSERT_TRUE(store_->Flush().ok());
    v1::FinalizeResponse response;
    ASSERT_TRUE(response.ParseFromString(*store_->GetResult(key)));
    response.mutable_btf()->push_back('x');
    ASSERT_TRUE(store_->PutResult(key, response.SerializeAsString(),
                                  *store_->GetRequest(key)));
    ASSERT_TRUE(store_->Flush().ok());
  }

  v1::VerifyCacheResponse Verify(const std::string& after = "",
                                 uint32_t max_results = 0) {
    grpc::ClientContext context;
    v1::VerifyCacheRequest request;
    request.set_after(after);
    request.set_max_results(max_results);
    v1::VerifyCacheResponse response;
    const grpc::Status status =
        stub_->VerifyCache(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  const SampleBtf btf_;
};

TEST_F(ResultVerifierTest, WhatAnEncoderLeftIsFinishedAgainByItsRules) {
  Start();
  AddBase(btf_);
  btf::testing::BtfBuilder residue;
  residue.Typedef("t", residue.Int("int", 4));
  v1::FinalizeRequest request = RequestFor(btf_);
  request.set_btf(residue.Build());
  request.mutable_steps()->set_encoded(v1::ENCODED_BY_LIBBPF_1_5);
  EXPECT_THAT(Finalize(request), Ended(v1::OK, ""));
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(Verify().agreed(), 1u);
  Poison(request);
  EXPECT_EQ(Verify().disagreed_size(), 1);
}

TEST_F(ResultVerifierTest, AllThatIsRightAgrees) {
  Start();
  AddBase(btf_);
  for (int n = 0; n < 10; ++n) KeepOne(n);
  const v1::VerifyCacheResponse response = Verify();
  EXPECT_THAT(response, Ended(v1::OK, ""));
  EXPECT_EQ(response.agreed(), 10u);
  EXPECT_EQ(response.not_judged(), 0u);
  EXPECT_EQ(response.disagreed_size(), 0);
  EXPECT_TRUE(response.end());
  EXPECT_EQ(Count(Counter::kCacheVerified), 10u);
  EXPECT_EQ(Count(Counter::kCacheDisagreements), 0u);
}

TEST_F(ResultVerifierTest, TheNextDaemonProvesWhatTheLastOneKept) {
  Start();
  AddBase(btf_);
  KeepOne(1);
  Stop();
  Start();
  EXPECT_EQ(Verify().agreed(), 1u);
}

TEST_F(ResultVerifierTest, AWrongResultIsFoundAndDeleted) {
  options_.verify_hits = 0;
  Start();
  AddBase(btf_);
  for (int n = 0; n < 5; ++n) KeepOne(n);
  const v1::FinalizeRequest request = KeepOne(5);
  const v1::FinalizeResponse right = Finalize(request);
  Poison(request);
  // The checksum is right, so the result cache alone does not notice.
  EXPECT_TRUE(Finalize(request).cached());
  EXPECT_NE(Finalize(request).btf(), right.btf());

  const v1::VerifyCacheResponse response = Verify();
  EXPECT_EQ(response.agreed(), 5u);
  EXPECT_THAT(response.disagreed(),
              ElementsAre(std::string(KeyOf(request).binary())));
  EXPECT_EQ(Count(Counter::kCacheDisagreements), 1u);
  v1::FinalizeResponse anew = Finalize(request);
  EXPECT_FALSE(anew.cached());
  EXPECT_EQ(anew.btf(), right.btf());
  EXPECT_EQ(Verify().disagreed_size(), 0);
}

TEST_F(ResultVerifierTest, AResultUnderTheKeyOfAnotherRequestIsWrong) {
  Start();
  AddBase(btf_);
  const util::Digest one = KeyOf(KeepOne(1)), two = KeyOf(KeepOne(2));
  ASSERT_TRUE(store_->PutResult(one, *store_->GetResult(two),
                                *store_->GetRequest(two)));
  const v1::VerifyCacheResponse response = Verify();
  EXPECT_EQ(response.agreed(), 1u);
  EXPECT_THAT(response.disagreed(), ElementsAre(std::string(one.binary())));
}

TEST_F(ResultVerifierTest, DailyUseFindsIt) {
  options_.verify_hits = 1;
  Start();
  AddBase(btf_);
  const v1::FinalizeRequest request = KeepOne(1);
  Finalize(request);
  ExpectCount(Counter::kCacheVerified, 1);
  EXPECT_EQ(Count(Counter::kCacheDisagreements), 0u);
  Poison(request);
  EXPECT_TRUE(Finalize(request).cached());
  ExpectCount(Counter::kCacheDisagreements, 1);
  EXPECT_FALSE(Finalize(request).cached());
}

TEST_F(ResultVerifierTest, OfManyHitsOneInSoManyIsLookedAt) {
  options_.verify_hits = 10;
  Start();
  AddBase(btf_);
  const v1::FinalizeRequest request = KeepOne(1);
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 10; ++j) EXPECT_TRUE(Finalize(request).cached());
    ExpectCount(Counter::kCacheVerified, i + 1);
  }
}

TEST_F(ResultVerifierTest, NoHitWaitsForItsProof) {
  options_.verify_hits = 1;
  std::atomic<int> runs{0};
  absl::Notification go_on;
  Start([&](const engine::FinalizeInput&, const engine::Steps&,
            std::pmr::memory_resource*, engine::FinalizeOutput*) {
    if (++runs == 2) go_on.WaitForNotification();
    return absl::OkStatus();
  });
  v1::FinalizeRequest request = RequestFor(btf_);
  request.clear_base();
  Finalize(request);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(Finalize(request).cached());
  EXPECT_EQ(Count(Counter::kCacheVerified), 0u);
  EXPECT_LE(runs, 2) << "more than one at a time";
  go_on.Notify();
  ExpectCount(Counter::kCacheVerified, 1);
}

TEST_F(ResultVerifierTest, NoneIsLookedAtWhereNoneIsWanted) {
  options_.verify_hits = 0;
  Start();
  AddBase(btf_);
  const v1::FinalizeRequest request = KeepOne(1);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(Finalize(request).cached());
  Stop();
  EXPECT_EQ(Count(Counter::kCacheVerified), 0u);
}

// The engine now refuses what it accepted before.
TEST_F(ResultVerifierTest, AnAnswerToWhatIsAnErrorIsWrong) {
  std::atomic<bool> fail{false};
  Start([&](const engine::FinalizeInput&, const engine::Steps&,
            std::pmr::memory_resource*, engine::FinalizeOutput*) {
    return fail ? absl::InvalidArgumentError("no") : absl::OkStatus();
  });
  v1::FinalizeRequest request = RequestFor(btf_);
  request.clear_base();
  Finalize(request);
  EXPECT_EQ(Verify().agreed(), 1u);
  fail = true;
  EXPECT_EQ(Verify().disagreed_size(), 1);
  EXPECT_EQ(Verify().agreed(), 0u);
}

TEST_F(ResultVerifierTest, WhatCannotBeComputedAnewIsNotJudged) {
  Start();
  AddBase(btf_);
  const util::Digest bare = KeyOf(KeepOne(1));
  KeepOne(2);
  // A result without its request, and one that another version made.
  ASSERT_TRUE(store_->PutResult(bare, *store_->GetResult(bare)));
  ASSERT_TRUE(store_->PutResult(util::Digest::Of("other"),
                                *store_->GetResult(bare), "other version"));
  v1::VerifyCacheResponse response = Verify();
  EXPECT_EQ(response.agreed(), 1u);
  EXPECT_EQ(response.not_judged(), 2u);
  // And results whose base is gone.
  grpc::ClientContext context;
  v1::RemoveBaseRequest remove;
  remove.set_digest(std::string(btf_.digest().binary()));
  v1::RemoveBaseResponse removed;
  ASSERT_TRUE(stub_->RemoveBase(&context, remove, &removed).ok());
  response = Verify();
  EXPECT_EQ(response.agreed(), 0u);
  EXPECT_EQ(response.not_judged(), 3u);
  EXPECT_EQ(response.disagreed_size(), 0);
}

TEST_F(ResultVerifierTest, CallsGoOnWhereTheLastOneEnded) {
  Start();
  AddBase(btf_);
  for (int n = 0; n < 25; ++n) KeepOne(n);
  std::string after;
  uint32_t agreed = 0;
  int calls = 0;
  for (bool end = false; !end && calls < 100; ++calls) {
    const v1::VerifyCacheResponse response = Verify(after, 4);
    EXPECT_LE(response.agreed(), 4u);
    agreed += response.agreed();
    after = response.last();
    end = response.end();
  }
  EXPECT_EQ(agreed, 25u);
  EXPECT_GE(calls, 7);
  // A round that began in the middle ends where it began.
  v1::VerifyCacheRequest request;
  const std::string middle(32, '\x80');
  request.set_until(middle);
  const uint32_t behind = Verify(middle).agreed();
  grpc::ClientContext context;
  v1::VerifyCacheResponse before;
  ASSERT_TRUE(stub_->VerifyCache(&context, request, &before).ok());
  EXPECT_TRUE(before.end());
  EXPECT_EQ(before.agreed() + behind, 25u);
  EXPECT_THAT(Verify("no key"), Ended(v1::BAD_REQUEST, "32 bytes"));
}

TEST_F(ResultVerifierTest, TheCacheTellsWhatItHoldsAndForgetsIt) {
  Start();
  AddBase(btf_);
  for (int n = 0; n < 3; ++n) KeepOne(n);
  const auto status = [this] {
    grpc::ClientContext context;
    v1::GetCacheStatusResponse response;
    EXPECT_TRUE(stub_->GetCacheStatus(&context, {}, &response).ok());
    EXPECT_THAT(response, Ended(v1::OK, ""));
    return response;
  };
  EXPECT_TRUE(status().enabled());
  EXPECT_EQ(status().results(), 3u);
  EXPECT_EQ(status().with_requests(), 3u);
  EXPECT_GT(status().bytes(), 500u);
  EXPECT_EQ(status().max_bytes(), options_.max_result_bytes);
  EXPECT_EQ(status().verify_hits(), 500u);

  grpc::ClientContext context;
  v1::ClearCacheResponse cleared;
  ASSERT_TRUE(stub_->ClearCache(&context, {}, &cleared).ok());
  EXPECT_THAT(cleared, Ended(v1::OK, ""));
  EXPECT_EQ(cleared.results(), 3u);
  EXPECT_EQ(status().results(), 0u);
  // The base is still there.
  EXPECT_FALSE(Finalize(RequestFor(btf_)).cached());
  EXPECT_THAT(Finalize(RequestFor(btf_)), Ended(v1::OK, ""));
}

}  // namespace
}  // namespace btfd::daemon
