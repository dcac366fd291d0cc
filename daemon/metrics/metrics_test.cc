// SPDX-License-Identifier: Apache-2.0
//
// What is rendered, judged by Prometheus' own tool.
#include "daemon/metrics/metrics.h"

#include <stdlib.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "daemon/metrics/exposition.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::daemon {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

void Set(store::Counter counter, uint64_t value,
         store::Counters::Snapshot* counters) {
  (*counters)[static_cast<size_t>(counter)] = value;
}

MetricsSnapshot SomeSnapshot() {
  MetricsSnapshot snapshot;
  snapshot.version = "1.2.3";
  snapshot.engine_version = 7;
  snapshot.started = absl::FromUnixSeconds(1'700'000'000);
  snapshot.serving = true;
  Set(store::Counter::kRequests, 12, &snapshot.counters);
  Set(store::Counter::kOutcomeOk, 10, &snapshot.counters);
  Set(store::Counter::kOutcomeBadBtf, 2, &snapshot.counters);
  Set(store::Counter::kCacheHits, 4, &snapshot.counters);
  Set(store::Counter::kFallbackLost, 3, &snapshot.counters);
  Set(store::Counter::kBytesIn, 12'345'678'901, &snapshot.counters);
  snapshot.calls = {{"Finalize", 12}, {"GetStatus", 1}};
  snapshot.bases = {
      {"00ff00ff00ff00ff", "/boot/\"odd\\\nname\"", 125'792, 10'000'000, 12},
      {"11ff00ff00ff00ff", "stored", 1, 0, 0}};
  snapshot.breaker_open = true;
  Latency latency;
  latency.Add(absl::Microseconds(100));
  latency.Add(absl::Milliseconds(3));
  latency.Add(absl::Minutes(1));
  snapshot.engine = latency.Read();
  return snapshot;
}

TEST(Metrics, PromtoolHasNothingToSay) {
  const std::string path = ::testing::TempDir() + "/metrics";
  std::ofstream(path) << RenderMetrics(SomeSnapshot());
  EXPECT_EQ(system(absl::StrCat("promtool check metrics <", path, " >", path,
                                ".said 2>&1")
                       .c_str()),
            0);
  std::ifstream said(path + ".said");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(said), {}), "");
}

TEST(Metrics, CountersOfOneKindAreOneMetricWithALabel) {
  const std::string text = RenderMetrics(SomeSnapshot());
  for (const char* line :
       {"\nbtfd_build_info{version=\"1.2.3\",engine_version=\"7\"} 1\n",
        "\nbtfd_requests_total{outcome=\"ok\"} 10\n",
        "\nbtfd_requests_total{outcome=\"bad_btf\"} 2\n",
        "\nbtfd_cache_requests_total{result=\"hit\"} 4\n",
        "\nbtfd_fallbacks_total{reason=\"lost\"} 3\n",
        "\nbtfd_calls_total{method=\"Finalize\"} 12\n",
        "\nbtfd_received_bytes_total 12345678901\n",
        "\nbtfd_bases{place=\"memory\"} 1\n",
        "\nbtfd_bases{place=\"store\"} 1\n",
        "\nbtfd_remote_cache_breaker_open 1\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("btfd_outcome")));
  EXPECT_THAT(text, Not(HasSubstr("_ns")));
}

TEST(Metrics, BucketsAddUp) {
  const std::string text = RenderMetrics(SomeSnapshot());
  const std::string name = "btfd_request_duration_seconds";
  for (const char* line :
       {"_bucket{stage=\"engine\",le=\"0.0001\"} 1\n",
        "_bucket{stage=\"engine\",le=\"0.0025\"} 1\n",
        "_bucket{stage=\"engine\",le=\"0.005\"} 2\n",
        "_bucket{stage=\"engine\",le=\"5\"} 2\n",
        "_bucket{stage=\"engine\",le=\"+Inf\"} 3\n",
        "_count{stage=\"engine\"} 3\n", "_count{stage=\"wait\"} 0\n"}) {
    EXPECT_THAT(text, HasSubstr(name + line));
  }
}

TEST(Exposition, WhatWouldEndALineIsEscaped) {
  Exposition text;
  text.Gauge("x", "one\nline");
  text.Sample({{"name", "a\"b\\c\nd"}}, 0.5);
  EXPECT_EQ(text.text(),
            "# HELP x one\\nline\n# TYPE x gauge\n"
            "x{name=\"a\\\"b\\\\c\\nd\"} 0.5\n");
}

TEST(History, HasAnHourOfWhatGrew) {
  History history;
  store::Counters::Snapshot counters{};
  const absl::Time start = absl::FromUnixSeconds(1'700'000'040);
  for (int minute = 0; minute < 100; ++minute) {
    Set(store::Counter::kRequests, 10 * minute, &counters);
    Set(store::Counter::kOutcomeInternal, minute, &counters);
    history.Note(start + absl::Minutes(minute), counters);
  }
  Set(store::Counter::kRequests, 995, &counters);
  history.Note(start + absl::Minutes(99) + absl::Seconds(20), counters);
  const std::vector<History::Minute> minutes = history.Minutes();
  ASSERT_THAT(minutes, SizeIs(60));
  EXPECT_EQ(minutes.front().at, start + absl::Minutes(40));
  EXPECT_EQ(minutes.front().requests, 10u);
  EXPECT_EQ(minutes.front().errors, 1u);
  EXPECT_EQ(minutes.back().requests, 15u);
}

TEST(Status, IsJsonThatThePageCanRead) {
  const absl::Time now = absl::FromUnixSeconds(1'700'000'100);
  History history;
  history.Note(now, SomeSnapshot().counters);
  const std::string json = RenderStatus(SomeSnapshot(), history.Minutes(), now);
  EXPECT_THAT(json, HasSubstr("\"up_seconds\": 100"));
  EXPECT_THAT(json,
              HasSubstr("\"origin\": \"/boot/\\\"odd\\\\\\u000aname\\\"\""));
  EXPECT_THAT(json, HasSubstr("\"digest\": \"00ff00ff00ff\""));
  EXPECT_THAT(json, HasSubstr("\"fallback_lost\": 3"));
  const std::string path = ::testing::TempDir() + "/status.json";
  std::ofstream(path) << json;
  EXPECT_EQ(
      system(absl::StrCat("python3 -m json.tool ", path, " >", path, ".read")
                 .c_str()),
      0);
}

}  // namespace
}  // namespace btfd::daemon
