// SPDX-License-Identifier: Apache-2.0
//
// A RemoteCache in the test's process, and the server with which it talks.
#ifndef BTFD_TESTS_REMOTE_CACHE_CACHE_TEST_UTIL_H_
#define BTFD_TESTS_REMOTE_CACHE_CACHE_TEST_UTIL_H_

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "daemon/remote_cache/remote_cache.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/store/counters.h"
#include "lib/util/log.h"
#include "proto/btfd.pb.h"
#include "tests/remote_cache/fake_server.h"

namespace btfd::tests {

using daemon::remote::RemoteCache;
using daemon::remote::RemoteCacheOptions;
using store::Counter;

// The request and response of one module as messages. The tests need no engine
// to see whether a result comes back unchanged.
struct Sample {
  explicit Sample(int number = 0, size_t size = 1000) {
    request.set_btf(absl::StrCat("split ", number, std::string(size, 's')));
    request.mutable_ids()->set_content("ids");
    response.set_outcome(v1::OK);
    response.set_btf(absl::StrCat("result ", number, std::string(size, 'r')));
    response.set_btf_ids("");
    response.add_warnings(absl::StrCat("WARN: number ", number));
    response.set_types_in(9);
    response.set_types_out(4);
    query.set_engine_version(1);
    query.set_base_digest(std::string(util::Digest::Of("base").binary()));
    query.mutable_steps()->set_new_header_size(32);
    Name(request.btf(), query.mutable_btf());
    Name(request.ids().SerializeAsString(), query.mutable_ids());
  }

  static void Name(const std::string& bytes, v1::Content* content) {
    content->set_digest(std::string(util::Digest::Of(bytes).binary()));
    content->set_size(bytes.size());
  }

  v1::FinalizeRequest request;
  v1::FindResultRequest query;
  v1::FinalizeResponse response;
};

class CacheTest : public ::testing::Test {
 protected:
  CacheTest() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    directory_ = absl::StrCat(::testing::TempDir(), "/",
                              test->test_suite_name(), ".", test->name());
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    // A loaded machine is slow. A test that is about time sets its own limit.
    options_.timeout = absl::Seconds(20);
    options_.index_version = "1";
  }

  void Serve(FakeServerOptions options = {}) {
    options_.server.instance = options.instance;
    options_.server.endpoint.secure = !options.certificate.empty();
    server_ = std::make_unique<FakeServer>(std::move(options));
    options_.server.endpoint.target = server_->address();
  }

  // Makes a cache as another host of the farm has it: its counters start at
  // zero.
  void Connect() {
    cache_ = nullptr;
    counters_ = std::make_unique<store::Counters>();
    auto cache = RemoteCache::Create(options_, counters_.get(), &log_);
    ASSERT_TRUE(cache.ok()) << cache.status();
    cache_ = *std::move(cache);
  }
  // Waits until the server has told its capabilities.
  void AwaitCapabilities(int calls = 1) {
    Await([&] { return server_->calls("GetCapabilities") >= calls; });
    absl::SleepFor(absl::Milliseconds(50));
  }

  std::optional<v1::FinalizeResponse> Find(
      const Sample& sample, absl::Time deadline = absl::InfiniteFuture()) {
    std::optional<v1::FinalizeResponse> result;
    absl::Notification ended;
    cache_->Find(sample.query, deadline,
                 [&](std::optional<v1::FinalizeResponse> found) {
                   result = std::move(found);
                   ended.Notify();
                 });
    ended.WaitForNotification();
    return result;
  }
  void Keep(const Sample& sample) {
    cache_->Keep(sample.query, sample.request, sample.response);
  }
  // Stores a sample as one host does for others.
  void Store(const Sample& sample) {
    Keep(sample);
    ASSERT_TRUE(cache_->Finish(absl::Seconds(60)));
  }
  // Expects that the sample is found, unchanged.
  void ExpectHit(const Sample& sample) {
    auto found = Find(sample);
    ASSERT_TRUE(found.has_value());
    EXPECT_TRUE(found->cached());
    found->clear_cached();
    EXPECT_EQ(found->SerializeAsString(), sample.response.SerializeAsString());
  }

  void ExpectIndex(const util::Digest& base, store::IndexPart part,
                   const std::string& index) {
    const absl::StatusOr<util::Blob> found =
        cache_->FetchIndex(base, part, absl::InfiniteDuration());
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_TRUE(found->view() == index);
  }

  uint64_t Count(Counter counter) const { return counters_->Get(counter); }

  static void Await(const std::function<bool()>& condition) {
    const absl::Time give_up = absl::Now() + absl::Seconds(60);
    while (!condition()) {
      ASSERT_LT(absl::Now(), give_up);
      absl::SleepFor(absl::Milliseconds(5));
    }
  }

  std::string directory_;
  RemoteCacheOptions options_;
  util::Log log_{util::LogLevel::kInfo};
  std::unique_ptr<store::Counters> counters_;
  std::unique_ptr<FakeServer> server_;
  std::unique_ptr<RemoteCache> cache_;
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_REMOTE_CACHE_CACHE_TEST_UTIL_H_
