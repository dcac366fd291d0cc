// SPDX-License-Identifier: Apache-2.0
#include "daemon/forward/single_flight.h"

#include <atomic>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace btfd::daemon {
namespace {

TEST(SingleFlight, OfManyWhoWantAThingDoneOneDoesIt) {
  SingleFlight flights;
  const util::Digest key = util::Digest::Of("base");
  const uint64_t seen = flights.Done(key);
  std::atomic<int> did{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      if (!flights.Begin(key, seen, absl::InfiniteFuture())) return;
      ++did;
      flights.End(key, true);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(did, 1);
  EXPECT_EQ(flights.Done(key), seen + 1);
}

TEST(SingleFlight, AfterAFailureItIsTheNextOnesTurn) {
  SingleFlight flights;
  const util::Digest key = util::Digest::Of("base");
  ASSERT_TRUE(flights.Begin(key, 0, absl::InfiniteFuture()));
  EXPECT_FALSE(flights.Begin(key, 0, absl::Now())) << "somebody is at it";
  flights.End(key, false);
  EXPECT_TRUE(flights.Begin(key, 0, absl::Now()));
  flights.End(key, true);
  EXPECT_FALSE(flights.Begin(key, 0, absl::Now())) << "it is done";
  // What was done once may have to be done again.
  EXPECT_TRUE(flights.Begin(key, flights.Done(key), absl::Now()));
}

TEST(SingleFlight, AnotherThingIsAnotherTurn) {
  SingleFlight flights;
  EXPECT_TRUE(flights.Begin(util::Digest::Of("a"), 0, absl::Now()));
  EXPECT_TRUE(flights.Begin(util::Digest::Of("b"), 0, absl::Now()));
}

}  // namespace
}  // namespace btfd::daemon
