// SPDX-License-Identifier: Apache-2.0
#include "lib/store/counters.h"

#include <cctype>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/btfd.pb.h"

namespace btfd::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(Counters, NamesAreUniqueAndSpelledAlike) {
  std::set<absl::string_view> names;
  for (const CounterInfo& info : kCounters) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_FALSE(info.meaning.empty()) << info.name;
    for (const char c : info.name) {
      EXPECT_TRUE(absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_')
          << info.name;
    }
  }
}

TEST(Counters, EveryOutcomeOfTheProtocolHasItsCounter) {
  const auto* outcomes = v1::Outcome_descriptor();
  int counted = 0;
  for (int i = 0; i < outcomes->value_count(); ++i) {
    const auto* value = outcomes->value(i);
    if (value->number() == v1::OUTCOME_UNSPECIFIED) continue;
    const Counter counter = OutcomeCounter(value->number());
    EXPECT_EQ(kCounters[static_cast<size_t>(counter)].name,
              absl::StrCat("outcome_", absl::AsciiStrToLower(value->name())));
    ++counted;
  }
  // Every counter of an outcome belongs to an outcome of the protocol.
  int named = 0;
  for (const CounterInfo& info : kCounters) {
    named += info.name.substr(0, 8) == "outcome_";
  }
  EXPECT_EQ(named, counted);
}

TEST(Counters, UnknownOutcomeCountsAsInternal) {
  EXPECT_EQ(OutcomeCounter(0), Counter::kOutcomeInternal);
  EXPECT_EQ(OutcomeCounter(-1), Counter::kOutcomeInternal);
  EXPECT_EQ(OutcomeCounter(99), Counter::kOutcomeInternal);
}

TEST(Counters, AreFoundByName) {
  EXPECT_EQ(FindCounter("cache_hits"), Counter::kCacheHits);
  EXPECT_EQ(FindCounter("fallback_timeout"), Counter::kFallbackTimeout);
  EXPECT_EQ(FindCounter("cache_hit"), std::nullopt);
  EXPECT_EQ(FindCounter(""), std::nullopt);
}

TEST(Counters, DeltaNamesWhatGrew) {
  Counters counters;
  counters.Add(Counter::kCacheHits, 2);
  const Counters::Snapshot before = counters.Read();
  EXPECT_THAT(Delta(before, counters.Read()), IsEmpty());
  counters.Add(Counter::kCacheHits);
  counters.Add(Counter::kEngineNs, 1000);
  EXPECT_THAT(Delta(before, counters.Read()),
              ElementsAre(Pair("cache_hits", 1), Pair("engine_ns", 1000)));
  EXPECT_THAT(Delta({}, counters.Read()),
              ElementsAre(Pair("cache_hits", 3), Pair("engine_ns", 1000)));
}

TEST(Counters, ThreadsLoseNothing) {
  Counters counters;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&counters] {
      for (int i = 0; i < 10000; ++i) counters.Add(Counter::kRequests);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counters.Get(Counter::kRequests), 40000u);
}

}  // namespace
}  // namespace btfd::store
