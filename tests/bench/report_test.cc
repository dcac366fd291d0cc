// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace btfd::bench {
namespace {

using ::testing::HasSubstr;

TEST(Spread, QuantilesComeFromTheSortedSample) {
  const Spread spread = SpreadOf({5, 1, 3, 2, 4});
  EXPECT_EQ(spread.median, 3);
  EXPECT_EQ(spread.mean, 3);
  EXPECT_EQ(spread.total, 15);
  EXPECT_EQ(spread.count, 5u);
  EXPECT_LE(spread.p10, spread.median);
  EXPECT_GE(spread.p90, spread.median);
}

TEST(Report, RatioIsPeerOverOursAndIsHeldAgainstTheBar) {
  Report report;
  report.AddTimes("fast", "ms", "libbpf", {10}, {1}, Statistic::kMedian, 9);
  report.AddTimes("slow", "ms", "libbpf", {10}, {5}, Statistic::kMedian, 9);
  EXPECT_THAT(report.Table(), HasSubstr("| fast | median | libbpf 10 | 1 |"));
  EXPECT_THAT(report.Table(), HasSubstr("at least 9: met"));
  EXPECT_THAT(report.Table(), HasSubstr("at least 9: MISSED"));
  EXPECT_THAT(report.Json(), HasSubstr("\"met\": false"));
}

TEST(Report, AnUpperBoundIsMissedByALargerRatio) {
  Row row;
  row.name = "memory";
  row.ratio = 5;
  row.bar = 4;
  row.bar_is_upper_bound = true;
  Report report;
  report.Add(row);
  EXPECT_THAT(report.Table(), HasSubstr("at most 4: MISSED"));
}

TEST(Report, JsonEscapesWhatJsonDoesAndNothingElse) {
  Report report;
  report.AddTimes("a \"name\"", "ms", "7.2's tool", {10}, {1},
                  Statistic::kMedian, 9);
  EXPECT_THAT(report.Json(), HasSubstr(R"("7.2's tool")"));
  EXPECT_THAT(report.Json(), HasSubstr(R"("a \"name\"")"));
}

}  // namespace
}  // namespace btfd::bench
