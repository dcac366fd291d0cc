// SPDX-License-Identifier: Apache-2.0
#include "daemon/forward/turns.h"

#include <atomic>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace btfd::daemon {
namespace {

TEST(Turns, OfManyWhoWantAThingDoneOneDoesIt) {
  Turns turns;
  const util::Digest key = util::Digest::Of("base");
  const uint64_t seen = turns.Done(key);
  std::atomic<int> did{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      if (!turns.Begin(key, seen, absl::InfiniteFuture())) return;
      ++did;
      turns.End(key, true);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(did, 1);
  EXPECT_EQ(turns.Done(key), seen + 1);
}

TEST(Turns, AfterAFailureItIsTheNextOnesTurn) {
  Turns turns;
  const util::Digest key = util::Digest::Of("base");
  ASSERT_TRUE(turns.Begin(key, 0, absl::InfiniteFuture()));
  EXPECT_FALSE(turns.Begin(key, 0, absl::Now())) << "somebody is at it";
  turns.End(key, false);
  EXPECT_TRUE(turns.Begin(key, 0, absl::Now()));
  turns.End(key, true);
  EXPECT_FALSE(turns.Begin(key, 0, absl::Now())) << "it is done";
  // What was done once may have to be done again.
  EXPECT_TRUE(turns.Begin(key, turns.Done(key), absl::Now()));
}

TEST(Turns, AnotherThingIsAnotherTurn) {
  Turns turns;
  EXPECT_TRUE(turns.Begin(util::Digest::Of("a"), 0, absl::Now()));
  EXPECT_TRUE(turns.Begin(util::Digest::Of("b"), 0, absl::Now()));
}

}  // namespace
}  // namespace btfd::daemon
