// SPDX-License-Identifier: Apache-2.0
#include "client/request/trace.h"

#include <string>

#include "client/testing/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/json.h"

namespace btfd::client {
namespace {

using tests::JsonAt;

TEST(Trace, HasWhatThisProcessDidAndWhatTheDaemonSays) {
  Trace trace("/no/file");
  const int64_t start = util::MonotonicNs();
  {
    const TraceSpan outer(&trace, "batch");
    const TraceSpan inner(&trace, "open", "a \"b\".ko");
  }
  trace.AddWaiting("in flight", start, "c.ko");
  v1::FinalizeResponse response;
  v1::Span* const span = response.add_spans();
  span->set_name("engine");
  span->set_start_ns(start + 1000500);
  span->set_end_ns(start + 3000500);
  span->set_thread(77);
  trace.AddDaemon(response, "c.ko");
  const std::string json = trace.Json();
  // The first event is what was waited for: it began first.
  EXPECT_EQ(JsonAt(json, "traceEvents.0.name"), "in flight");
  EXPECT_EQ(JsonAt(json, "traceEvents.0.ph"), "b");
  EXPECT_EQ(JsonAt(json, "traceEvents.1.ph"), "e");
  EXPECT_EQ(JsonAt(json, "traceEvents.0.id"), JsonAt(json, "traceEvents.1.id"));
  EXPECT_EQ(JsonAt(json, "traceEvents.2.name"), "batch");
  EXPECT_EQ(JsonAt(json, "traceEvents.3.name"), "open");
  EXPECT_EQ(JsonAt(json, "traceEvents.3.args.module"), "a \"b\".ko");
  EXPECT_EQ(JsonAt(json, "traceEvents.3.tid"),
            JsonAt(json, "traceEvents.2.tid"));
  EXPECT_EQ(JsonAt(json, "traceEvents.4.cat"), "daemon");
  EXPECT_EQ(JsonAt(json, "traceEvents.4.tid"), "77");
  EXPECT_EQ(JsonAt(json, "traceEvents.4.ts").substr(0, 6), "1000.5");
  EXPECT_EQ(JsonAt(json, "traceEvents.4.dur").substr(0, 4), "2000");
  EXPECT_TRUE(absl::IsNotFound(trace.Write()));
}

TEST(Trace, IsJsonWithoutAnyEventToo) {
  Trace trace(testing::FreshDirectory() + "/trace.json");
  EXPECT_TRUE(trace.Write().ok());
  EXPECT_EQ(JsonAt(trace.Json(), "traceEvents.0.ph"), "M");
}

TEST(Trace, WhereThereIsNoneNothingIsDone) {
  const TraceSpan span(nullptr, "nothing");
}

}  // namespace
}  // namespace btfd::client
