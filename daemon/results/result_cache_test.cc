// SPDX-License-Identifier: Apache-2.0
//
// Tests what the result cache keeps and finds, and which requests it takes for
// different.
#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "daemon/testing/service_test_util.h"

namespace btfd::daemon {
namespace {

using store::Counter;
using Request = v1::FinalizeRequest;
using ::testing::ElementsAre;

class ResultCacheTest : public ServiceTest {};

TEST_F(ResultCacheTest, ASecondTimeComesFromTheCacheWithItsWarnings) {
  std::atomic<int> runs{0};
  Start([&](const engine::FinalizeInput& input, const engine::Steps&,
            std::pmr::memory_resource*, engine::FinalizeOutput* output) {
    ++runs;
    output->btf = std::string(input.btf);
    output->btf_ids = "";
    output->warnings = {"WARN: one", "WARN: t\xff"};
    output->types_in = 5;
    return absl::OkStatus();
  });
  v1::FinalizeRequest request = RequestFor(SampleBtf());
  request.clear_base();
  v1::FinalizeResponse first = Finalize(request);
  request.set_tag(9);
  v1::FinalizeResponse second = Finalize(request);
  EXPECT_EQ(runs, 1);
  EXPECT_TRUE(second.cached());
  EXPECT_EQ(second.engine_ns(), 0u);
  EXPECT_EQ(second.tag(), 9u);
  EXPECT_FALSE(second.has_btf_base());
  EXPECT_TRUE(second.has_btf_ids());
  EXPECT_THAT(second.warnings(), ElementsAre("WARN: one", "WARN: t\xff"));
  first.clear_engine_ns();
  second.clear_cached();
  second.clear_tag();
  EXPECT_EQ(first.SerializeAsString(), second.SerializeAsString());
  EXPECT_EQ(Count(Counter::kCacheHits), 1u);
  EXPECT_EQ(Count(Counter::kCacheMisses), 1u);

  // A request may bypass the result cache,
  request.set_bypass_cache(true);
  EXPECT_FALSE(Finalize(request).cached());
  EXPECT_EQ(Count(Counter::kCacheBypassed), 1u);
  // and the next daemon finds what this one kept.
  request.set_bypass_cache(false);
  Stop();
  Start();
  EXPECT_TRUE(Finalize(request).cached());
}

TEST_F(ResultCacheTest, EveryPartOfARequestTellsItsResultApart) {
  std::atomic<int> runs{0};
  Start([&](const engine::FinalizeInput&, const engine::Steps&,
            std::pmr::memory_resource*, engine::FinalizeOutput*) {
    ++runs;
    return absl::OkStatus();
  });
  const SampleBtf btf, other(1);
  AddBase(btf);
  AddBase(other);
  const std::vector<std::function<void(Request*)>> changes = {
      [](Request*) {},
      [&](Request* r) {
        r->mutable_base()->set_digest(std::string(other.digest().binary()));
      },
      [](Request* r) { r->clear_base(); },
      [](Request* r) { r->mutable_btf()->push_back('x'); },
      [](Request* r) { r->set_distilled_base("x"); },
      [](Request* r) { r->mutable_ids(); },
      [](Request* r) { r->mutable_ids()->set_content("x"); },
      [](Request* r) { r->mutable_ids()->set_address(1); },
      [](Request* r) { r->mutable_ids()->set_big_endian(true); },
      [](Request* r) { r->mutable_ids()->add_symbols(); },
      [](Request* r) { r->mutable_ids()->add_symbols()->set_name("x"); },
      [](Request* r) { r->mutable_ids()->add_symbols()->set_value(1); },
      [](Request* r) { r->mutable_ids()->add_symbols()->set_size(1); },
      [](Request* r) { r->mutable_steps()->set_rebase(true); },
      [](Request* r) { r->mutable_steps()->set_kfuncs(v1::KFUNCS_SET8); },
      [](Request* r) { r->mutable_steps()->set_implicit_args(false); },
      [](Request* r) {
        r->mutable_steps()->set_kfuncs(v1::KFUNCS_SET8);
        r->mutable_steps()->set_kfunc_tags(true);
      },
      [](Request* r) { r->mutable_steps()->set_dedup(true); },
      [](Request* r) { r->mutable_steps()->set_distill(true); },
      [](Request* r) { r->mutable_steps()->set_sort(false); },
      [](Request* r) { r->mutable_steps()->set_resolve_ids(false); },
      [](Request* r) { r->mutable_steps()->set_follow_resolved_ids(true); },
      [](Request* r) { r->mutable_steps()->set_new_header_size(24); },
      [](Request* r) {
        r->mutable_steps()->set_encoded(v1::ENCODED_BY_LIBBPF_1_5);
      },
      [](Request* r) {
        r->mutable_steps()->set_encoded(v1::ENCODED_BY_LIBBPF_1_7);
      },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    v1::FinalizeRequest request = RequestFor(btf);
    changes[i](&request);
    EXPECT_THAT(Finalize(request), Ended(v1::OK, "")) << i;
    EXPECT_EQ(runs, static_cast<int>(i) + 1) << i;
  }
}

TEST_F(ResultCacheTest, ErrorsAreNeverKept) {
  std::atomic<int> runs{0};
  Start([&](const engine::FinalizeInput&, const engine::Steps&,
            std::pmr::memory_resource*, engine::FinalizeOutput* output) {
    ++runs;
    output->failed_in = engine::FailedIn::kBtf;
    return absl::InvalidArgumentError("no");
  });
  v1::FinalizeRequest request = RequestFor(SampleBtf());
  request.clear_base();
  EXPECT_THAT(Finalize(request), Ended(v1::BAD_BTF, "no"));
  EXPECT_THAT(Finalize(request), Ended(v1::BAD_BTF, "no"));
  EXPECT_EQ(runs, 2);
}

TEST_F(ResultCacheTest, TheDaemonCanBeToldToKeepNoResults) {
  options_.result_cache = false;
  Start();
  const SampleBtf btf;
  AddBase(btf);
  EXPECT_FALSE(Finalize(RequestFor(btf)).cached());
  EXPECT_FALSE(Finalize(RequestFor(btf)).cached());
  EXPECT_EQ(Count(Counter::kCacheBypassed), 2u);
}

}  // namespace
}  // namespace btfd::daemon
