// SPDX-License-Identifier: Apache-2.0
//
// `btfc cache` with a real daemon. Right results must be reported as right. A
// wrong result in a row with a right checksum must be found by `verify`, and in
// daily use by the daemon's own sample of hits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "lib/store/store.h"
#include "proto/btfd.pb.h"
#include "tests/faults/fixture.h"
#include "tests/support/json.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"

namespace btfd::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class CacheTruth : public DaemonFaults {
 protected:
  void SetUp() override {
    DaemonFaults::SetUp();
    FinalizeAll(daemon_, {0, 1, 2, 3, 4}, {}, "before");
  }

  // Replaces one result by another one, as a defect of ours might.
  void PoisonOne() {
    ASSERT_TRUE(daemon_.Stop().ok());
    store::StoreOptions options;
    options.directory = daemon_.store_directory();
    auto store = store::Store::Open(options);
    ASSERT_TRUE(store.ok()) << store.status();
    const auto keys = (*store)->ListResults(nullptr, 100);
    ASSERT_EQ(keys->size(), 5u);
    const util::Digest& key = (*keys)[2];
    v1::FinalizeResponse response;
    ASSERT_TRUE(response.ParseFromString(*(*store)->GetResult(key)));
    response.mutable_btf()->back() ^= 1;
    ASSERT_TRUE((*store)->PutResult(key, response.SerializeAsString(),
                                    *(*store)->GetRequest(key)));
    ASSERT_TRUE((*store)->Flush().ok());
    poisoned_ = key.hex();
  }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  std::string poisoned_;
};

TEST_F(CacheTruth, WhatIsRightIsSaidToBe) {
  ProcessResult result = daemon_.Client({"cache", "verify"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "5 results: 5 agree, 0 wrong, 0 not judged\n");
  result = daemon_.Client({"cache", "verify", "--sample", "3", "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(JsonAt(result.out, "agreed"), "3");
  EXPECT_EQ(JsonAt(result.out, "disagreed"), "0");
  EXPECT_EQ(JsonAt(result.out, "not_judged"), "0");
  // There are fewer results than the sample asks for.
  result = daemon_.Client({"cache", "verify", "--sample=100"});
  EXPECT_EQ(result.out, "5 results: 5 agree, 0 wrong, 0 not judged\n");
}

TEST_F(CacheTruth, VerifyFindsAWrongResultAndDeletesIt) {
  PoisonOne();
  ProcessResult result = daemon_.Client({"cache", "verify"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "5 results: 4 agree, 1 wrong, 0 not judged\n");
  EXPECT_THAT(result.err,
              HasSubstr("result " + poisoned_ + " was wrong, and is deleted"));
  EXPECT_THAT(
      ReadFileOrEmpty(RuntimeFile(daemon_.runtime_directory(), ".log")),
      HasSubstr("the kept result " + poisoned_ + " is wrong, and was deleted"));
  result = daemon_.Client({"cache", "verify"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "4 results: 4 agree, 0 wrong, 0 not judged\n");
  FinalizeAll(daemon_, {0, 1, 2, 3, 4}, {}, "afterwards");
  EXPECT_THAT(daemon_.Client({"status"}).out,
              HasSubstr("verified   9 (9) results, 1 (1) wrong\n"));
}

TEST_F(CacheTruth, DailyUseFindsAWrongResultAndDeletesIt) {
  PoisonOne();
  ASSERT_EQ(daemon_.Client({"start"}, {"BTFD_VERIFY_HITS=1"}).exit_code, 0);
  // The daemon verifies one hit at a time, so hits are made until it has found
  // the wrong one.
  for (int i = 0; i < 1000 && Count(daemon_, "cache_disagreements") == 0; ++i) {
    ASSERT_EQ(Finalize(daemon_, i % 5).exit_code, 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(Count(daemon_, "cache_disagreements"), 1u);
  // Modules that got the wrong result before are not mended, but no further
  // client gets it.
  FinalizeAll(daemon_, {0, 1, 2, 3, 4}, {}, "afterwards");
}

TEST_F(CacheTruth, StatsSayWhatThereIsAndClearDeletesIt) {
  FinalizeAll(daemon_, {0}, {}, "a hit");
  ProcessResult result = daemon_.Client({"cache", "stats"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("\nresults    5, 0."));
  EXPECT_THAT(result.out, HasSubstr("hits       1 of 6 requests, 16.7%\n"));
  EXPECT_THAT(result.out, HasSubstr("verified   0, 0 of them wrong\n"));
  result = daemon_.Client({"cache", "stats", "--json"});
  EXPECT_EQ(JsonAt(result.out, "enabled"), "true");
  EXPECT_EQ(JsonAt(result.out, "results"), "5");
  EXPECT_EQ(JsonAt(result.out, "with_requests"), "5");
  EXPECT_EQ(JsonAt(result.out, "verify_hits"), "500");
  result = daemon_.Client({"cache", "clear"});
  EXPECT_EQ(result.out, "5 results deleted\n");
  result = daemon_.Client({"cache", "stats"});
  EXPECT_THAT(result.out, HasSubstr("\nresults    0, 0.0 MB of"));
  FinalizeAll(daemon_, {0}, {}, "afterwards");
}

TEST_F(CacheTruth, WrongCallsAreExplained) {
  const std::vector<std::vector<std::string>> wrong = {
      {"cache"},
      {"cache", "burn"},
      {"cache", "clear", "everything"},
      {"cache", "verify", "--sample", "none"},
      {"cache", "verify", "--sample=0"},
      {"cache", "clear", "--sample=3"}};
  for (const auto& call : wrong) {
    const ProcessResult result = daemon_.Client(call);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_THAT(result.err, HasSubstr("btfc cache: "));
  }
  EXPECT_THAT(daemon_.Client({"cache", "--help"}).out,
              StartsWith("usage: btfc cache stats"));
}

}  // namespace
}  // namespace btfd::tests
