// SPDX-License-Identifier: Apache-2.0
//
// The builders of a farm: whole services, each with its own store, that share a
// cache.
#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "daemon/remote_cache/open.h"
#include "daemon/remote_cache/packed_index.h"
#include "daemon/testing/service_test_util.h"
#include "tests/remote_cache/fake_server.h"

namespace btfd::daemon {
namespace {

using store::Counter;
using ::testing::AnyOf;
using tests::FakeServer;

class FarmTest : public ServiceTest {
 protected:
  FarmTest() : root_(options_.store_dir) {
    options_.remote_cache = "grpc://" + server_.address();
    // A loaded machine is slow, and nothing here is about time.
    options_.remote_timeout = absl::Seconds(20);
  }
  ~FarmTest() override {
    StopBuilder();
    EXPECT_THAT(server_.violations(), ::testing::IsEmpty());
  }

  // Another host, which knows nothing but the name of the cache.
  void StartBuilder() {
    options_.store_dir = absl::StrCat(root_, ".", ++builders_);
    std::filesystem::remove_all(options_.store_dir);
    RestartBuilder();
  }
  // The same host with its store.
  void RestartBuilder() {
    StopBuilder();
    auto cache = OpenRemoteCache(options_, counters_.get(), &log_);
    ASSERT_TRUE(cache.ok()) << cache.status();
    cache_ = *std::move(cache);
    shared_ = cache_.get();
    Start();
  }
  // Afterwards all its uploads are done.
  void StopBuilder() {
    Stop();
    cache_ = nullptr;
  }

  v1::Outcome Bind(const SampleBtf& btf) {
    grpc::ClientContext context;
    v1::BindFileKeyRequest request;
    *request.mutable_file_key() = SampleKey(btf);
    request.set_digest(std::string(btf.digest().binary()));
    v1::BindFileKeyResponse response;
    EXPECT_TRUE(stub_->BindFileKey(&context, request, &response).ok());
    return response.outcome();
  }

  // Base and result of `request` are made by another builder, which then ends.
  v1::FinalizeResponse MakeElsewhere(const SampleBtf& btf,
                                     const v1::FinalizeRequest& request) {
    StartBuilder();
    EXPECT_EQ(AddBase(btf).outcome(), v1::OK);
    v1::FinalizeResponse response = Finalize(request);
    EXPECT_EQ(response.outcome(), v1::OK) << response.message();
    StopBuilder();
    return response;
  }

  // The request as another daemon forwards it. The client with the base may be
  // far away.
  static v1::FinalizeRequest Forwarded(v1::FinalizeRequest request) {
    request.set_forwarded(true);
    return request;
  }
  static v1::FinalizeRequest Dedup(v1::FinalizeRequest request) {
    request.mutable_steps()->set_dedup(true);
    return request;
  }

  const std::string root_;
  int builders_ = 0;
  FakeServer server_;
  std::unique_ptr<SharedCache> cache_;
};

TEST_F(FarmTest, WhatOneBuilderMadeTheNextTakesWithoutABase) {
  const SampleBtf btf;
  const auto made = MakeElsewhere(btf, RequestFor(btf));
  EXPECT_FALSE(made.cached());
  StartBuilder();
  EXPECT_EQ(Bind(btf), v1::OK) << "the cache knows the base";
  v1::FinalizeRequest by_key = RequestFor(btf);
  by_key.mutable_base()->clear_digest();
  *by_key.mutable_base()->mutable_file_key() = SampleKey(btf);
  const auto taken = Finalize(by_key);
  EXPECT_EQ(taken.outcome(), v1::OK);
  EXPECT_TRUE(taken.cached());
  EXPECT_EQ(taken.btf(), made.btf());
  EXPECT_EQ(taken.has_btf_base(), made.has_btf_base());
  EXPECT_EQ(taken.types_out(), made.types_out());
  ExpectCount(Counter::kRemoteHits, 1);
  EXPECT_EQ(Count(Counter::kBasesBuilt), 0);
  EXPECT_EQ(Count(Counter::kRemoteIndexes), 0);
  EXPECT_EQ(Count(Counter::kRemoteBases), 0);
}

TEST_F(FarmTest, AHitIsTheNextTimeInTheBuildersOwnStore) {
  const SampleBtf btf;
  MakeElsewhere(btf, RequestFor(btf));
  StartBuilder();
  EXPECT_TRUE(Finalize(RequestFor(btf)).cached());
  server_.Stop();
  AddBase(btf);
  EXPECT_TRUE(Finalize(RequestFor(btf)).cached());
  EXPECT_EQ(Count(Counter::kCacheHits), 1);
  server_.Start();
}

TEST_F(FarmTest, ANewModuleOnANewDaemonTakesTheIndexesFromTheCache) {
  const SampleBtf btf;
  v1::FinalizeRequest other = Forwarded(Dedup(RequestFor(btf)));
  MakeElsewhere(btf, other);
  other.mutable_steps()->set_sort(false);
  StartBuilder();
  const auto made = Finalize(other);
  EXPECT_EQ(made.outcome(), v1::OK) << made.message();
  EXPECT_FALSE(made.cached());
  // The dedup index is made here if it does not come in time.
  EXPECT_THAT(Count(Counter::kRemoteIndexes), AnyOf(1, 2)) << "core and dedup";
  EXPECT_EQ(Count(Counter::kBasesBuilt), 0);
  EXPECT_EQ(Count(Counter::kRemoteBad), 0);
  // The raw base is among the index's files. So all is confirmed and stored,
  // and no further question is sent.
  const int asked = server_.calls("GetActionResult");
  RestartBuilder();
  EXPECT_EQ(server_.calls("GetActionResult"), asked);
  other.mutable_steps()->set_implicit_args(false);
  EXPECT_EQ(Finalize(other).outcome(), v1::OK);
  EXPECT_EQ(Count(Counter::kBasesLoaded), 1);
  EXPECT_EQ(Count(Counter::kRemoteIndexes), 0);
}

// A base in an unusual form: the bytes behind its strings belong to it, too.
TEST_F(FarmTest, ARawBaseThatIsNotInItsIndexIsFetched) {
  SampleBtf btf;
  btf.base_raw += std::string(12, '\0');
  v1::FinalizeRequest request = Forwarded(RequestFor(btf));
  MakeElsewhere(btf, request);
  request.mutable_steps()->set_sort(false);
  StartBuilder();
  const auto made = Finalize(request);
  EXPECT_EQ(made.outcome(), v1::OK) << made.message();
  ExpectCount(Counter::kRemoteBases, 1);
  EXPECT_EQ(Count(Counter::kBasesBuilt), 0);
  EXPECT_EQ(Count(Counter::kRemoteBad), 0);
}

TEST_F(FarmTest, ABaseThatNobodyHasIsAskedOfTheClient) {
  StartBuilder();
  const SampleBtf btf;
  EXPECT_EQ(Bind(btf), v1::BASE_UNKNOWN);
  EXPECT_THAT(Finalize(RequestFor(btf)), Ended(v1::BASE_UNKNOWN, "no base"));
}

// The client's bytes are nearer than any cache. The dedup index, which takes
// long to build, is fetched meanwhile.
TEST_F(FarmTest, AClientOfThisMachineIsAskedForTheBase) {
  const SampleBtf btf;
  v1::FinalizeRequest request = Dedup(RequestFor(btf));
  MakeElsewhere(btf, request);
  request.mutable_steps()->set_sort(false);
  StartBuilder();
  EXPECT_EQ(Bind(btf), v1::OK) << "nobody needs it yet";
  EXPECT_THAT(Finalize(request), Ended(v1::BASE_UNKNOWN, "no base"));
  const int asked = server_.calls("GetActionResult");
  EXPECT_EQ(AddBase(btf).outcome(), v1::OK);
  const auto made = Finalize(request);
  EXPECT_EQ(made.outcome(), v1::OK) << made.message();
  EXPECT_EQ(Count(Counter::kBasesBuilt), 1);
  EXPECT_GT(server_.calls("GetActionResult"), asked) << "the dedup index";
}

TEST_F(FarmTest, AnIndexThatComesTooLateIsMade) {
  const SampleBtf btf;
  v1::FinalizeRequest request = Dedup(RequestFor(btf));
  MakeElsewhere(btf, request);
  request.mutable_steps()->set_sort(false);
  request.set_bypass_cache(true);
  StartBuilder();
  tests::Faults faults;
  faults.delay = absl::Seconds(300);
  server_.SetFaults(faults);
  AddBase(btf);
  const absl::Time start = absl::Now();
  EXPECT_EQ(Finalize(request).outcome(), v1::OK);
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
  EXPECT_EQ(Count(Counter::kRemoteIndexes), 0);
  EXPECT_EQ(Count(Counter::kRemoteFailures), 0) << "nobody was kept waiting";
  server_.Stop();
}

TEST_F(FarmTest, AnIndexThatIsNoneIsReplacedByTheRawBase) {
  const SampleBtf btf;
  v1::FinalizeRequest request = Forwarded(Dedup(RequestFor(btf)));
  MakeElsewhere(btf, request);
  server_.EditResults([](auto* result, const FakeServer::Put& put) {
    for (auto& file : *result->mutable_output_files()) {
      if (file.path() != "base.btf" && file.path() != "BTF") {
        *file.mutable_digest() = put(std::string(5000, 'x'));
      }
    }
  });
  request.mutable_steps()->set_sort(false);
  StartBuilder();
  const auto made = Finalize(request);
  EXPECT_EQ(made.outcome(), v1::OK) << made.message();
  // The dedup index is looked at only if it comes in time.
  EXPECT_THAT(Count(Counter::kRemoteBad), AnyOf(1, 2));
  EXPECT_EQ(Count(Counter::kBasesBuilt), 1) << "from what its digest proves";
}

TEST_F(FarmTest, AnIndexOfAnotherBaseIsFoundOut) {
  const SampleBtf btf(1);
  MakeElsewhere(btf, RequestFor(btf));
  const auto foreign = btf::Base::Build(SampleBtf(2).base_raw);
  ASSERT_TRUE(foreign.ok());
  const std::vector<std::string> parts = remote::PackIndex((*foreign)->blob());
  server_.EditResults([&](auto* result, const FakeServer::Put& put) {
    for (auto& file : *result->mutable_output_files()) {
      for (size_t i = 0; i < parts.size(); ++i) {
        if (file.path() == absl::StrCat("base.index.", i)) {
          *file.mutable_digest() = put(parts[i]);
        }
      }
    }
  });
  StartBuilder();
  v1::FinalizeRequest request = Forwarded(RequestFor(btf));
  request.mutable_steps()->set_sort(false);
  EXPECT_EQ(Finalize(request).outcome(), v1::OK);
  ExpectCount(Counter::kRemoteBad, 1);
  // From now on the result is the right one, from the builder's own store.
  request.mutable_steps()->set_implicit_args(false);
  EXPECT_EQ(Finalize(request).outcome(), v1::OK);
  ExpectCount(Counter::kBasesLoaded, 1);
}

TEST_F(FarmTest, AServerThatDiesCostsNoModule) {
  const SampleBtf btf;
  StartBuilder();
  AddBase(btf);
  v1::FinalizeRequest request = RequestFor(btf);
  for (uint32_t i = 0; i < 30; ++i) {
    if (i == 10) server_.Stop();
    if (i == 20) server_.Start();
    request.mutable_ids()->set_address(i);
    request.mutable_ids()->set_content(std::string(8, '\0'));
    EXPECT_EQ(Finalize(request).outcome(), v1::OK);
  }
}

TEST_F(FarmTest, ErrorsAreNotShared) {
  const SampleBtf btf;
  StartBuilder();
  AddBase(btf);
  v1::FinalizeRequest request = RequestFor(btf);
  request.set_btf("no BTF at all");
  EXPECT_THAT(Finalize(request), Ended(v1::BAD_BTF, ""));
  StopBuilder();
  for (const std::string& command : server_.commands()) {
    EXPECT_THAT(command, ::testing::HasSubstr("btfd index "));
  }
}

TEST_F(FarmTest, ABypassAsksNobody) {
  const SampleBtf btf;
  MakeElsewhere(btf, RequestFor(btf));
  StartBuilder();
  AddBase(btf);
  v1::FinalizeRequest request = RequestFor(btf);
  request.set_bypass_cache(true);
  EXPECT_FALSE(Finalize(request).cached());
  EXPECT_EQ(Count(Counter::kRemoteHits), 0);
}

// More requests than there are threads are looked up at once, and all must be
// answered.
TEST_F(FarmTest, AStreamOfHitsComesBackWhole) {
  constexpr uint64_t kCount = 300;
  const SampleBtf btf;
  std::set<uint64_t> hits;
  const auto run = [&](bool expect_hits) {
    grpc::ClientContext context;
    auto call = stub_->FinalizeStream(&context);
    std::thread writer([&] {
      v1::FinalizeRequest request = RequestFor(btf);
      request.mutable_ids()->set_content(std::string(8, '\0'));
      for (uint64_t i = 1; i <= kCount; ++i) {
        request.set_tag(i);
        request.mutable_ids()->set_address(i);
        call->Write(request);
      }
      call->WritesDone();
    });
    std::set<uint64_t> tags;
    v1::FinalizeResponse response;
    while (call->Read(&response)) {
      EXPECT_EQ(response.outcome(), v1::OK) << response.message();
      EXPECT_EQ(response.cached(), expect_hits);
      tags.insert(response.tag());
    }
    writer.join();
    EXPECT_TRUE(call->Finish().ok());
    EXPECT_EQ(tags.size(), kCount);
  };
  StartBuilder();
  AddBase(btf);
  run(/*expect_hits=*/false);
  StartBuilder();
  run(/*expect_hits=*/true);
  ExpectCount(Counter::kRemoteHits, kCount);
}

TEST_F(FarmTest, ATokenDoesNotTravelInTheClear) {
  options_.remote_token_file = "/dev/null";
  options_.remote_cache = "grpc://cache.example:80";
  const auto cache = OpenRemoteCache(options_, counters_.get(), &log_);
  EXPECT_EQ(cache.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(cache.status().message(),
              ::testing::HasSubstr("remote_token_file: a token goes"));
}

TEST_F(FarmTest, AnAddressThatIsNoneIsNamed) {
  options_.remote_cache = "cache:80";
  const auto cache = OpenRemoteCache(options_, counters_.get(), &log_);
  EXPECT_EQ(cache.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(cache.status().message(),
              ::testing::HasSubstr("remote_cache: not grpc://HOST:PORT"));
}

}  // namespace
}  // namespace btfd::daemon
