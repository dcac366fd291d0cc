// SPDX-License-Identifier: Apache-2.0
//
// Tests FinalizeStream: every request gets its answer, and no request delays
// another.
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "daemon/testing/service_test_util.h"
#include "lib/util/monotonic.h"

namespace btfd::daemon {
namespace {

using store::Counter;

class StreamTest : public ServiceTest {};

using Stream =
    grpc::ClientReaderWriter<v1::FinalizeRequest, v1::FinalizeResponse>;

TEST_F(StreamTest, AStreamAnswersEveryRequestByItsTag) {
  Start();
  const SampleBtf btf;
  AddBase(btf);
  grpc::ClientContext context;
  std::unique_ptr<Stream> stream = stub_->FinalizeStream(&context);
  constexpr int kModules = 300;
  std::thread writer([&] {
    for (int i = 0; i < kModules; ++i) {
      v1::FinalizeRequest request = RequestFor(btf);
      request.set_tag(i);
      // An error of one module does not end the call.
      if (i % 3 == 0) request.set_btf("rubbish");
      EXPECT_TRUE(stream->Write(request));
    }
    stream->WritesDone();
  });
  std::set<uint64_t> tags;
  v1::FinalizeResponse response;
  while (stream->Read(&response)) {
    tags.insert(response.tag());
    EXPECT_EQ(response.outcome(),
              response.tag() % 3 == 0 ? v1::BAD_BTF : v1::OK);
  }
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(tags.size(), static_cast<size_t>(kModules));
  EXPECT_EQ(Count(Counter::kRequests), static_cast<uint64_t>(kModules));
}

// By name, each once.
std::map<std::string, v1::Span> SpansOf(const v1::FinalizeResponse& response) {
  std::map<std::string, v1::Span> spans;
  for (const v1::Span& span : response.spans()) {
    EXPECT_TRUE(spans.emplace(span.name(), span).second) << span.name();
    EXPECT_LE(span.start_ns(), span.end_ns()) << span.name();
  }
  return spans;
}

TEST_F(StreamTest, OnlyATracedRequestIsToldWhereTheTimeWent) {
  Start();
  const SampleBtf btf;
  AddBase(btf);
  grpc::ClientContext context;
  std::unique_ptr<Stream> stream = stub_->FinalizeStream(&context);
  v1::FinalizeRequest request = RequestFor(btf);
  v1::FinalizeResponse response;
  const auto ask = [&] {
    EXPECT_TRUE(stream->Write(request));
    EXPECT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.outcome(), v1::OK);
    return SpansOf(response);
  };
  EXPECT_TRUE(ask().empty());
  request.set_trace(true);
  request.set_bypass_cache(true);
  const int64_t before = util::MonotonicNs();
  std::map<std::string, v1::Span> spans = ask();
  const int64_t after = util::MonotonicNs();
  ASSERT_EQ(spans.size(), 4u);
  const v1::Span& room = spans["wait for room"];
  const v1::Span& thread = spans["wait for a thread"];
  const v1::Span& whole = spans["request"];
  const v1::Span& engine = spans["engine"];
  EXPECT_LE(before, room.start_ns());
  EXPECT_LE(room.end_ns(), thread.start_ns());
  EXPECT_LE(thread.end_ns(), whole.start_ns());
  EXPECT_LE(whole.start_ns(), engine.start_ns());
  EXPECT_LE(engine.end_ns(), whole.end_ns());
  EXPECT_LE(whole.end_ns(), after);
  EXPECT_EQ(engine.thread(), whole.thread());
  EXPECT_NE(engine.thread(), 0u);
  EXPECT_EQ(thread.thread(), 0u) << "it is on no thread yet";
  // What is kept is the result, without the time that it took once.
  request.set_bypass_cache(false);
  request.set_trace(false);
  ask();
  EXPECT_TRUE(ask().empty());
  EXPECT_TRUE(response.cached());
  request.set_trace(true);
  spans = ask();
  EXPECT_TRUE(response.cached());
  EXPECT_EQ(spans.count("engine"), 0u);
  EXPECT_EQ(spans.count("request"), 1u);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamTest, AStreamAnswersInTheOrderOfCompletion) {
  Gate gate;
  const wire::FinalizeFn held = gate.Before(engine::Finalize);
  Start([&](const engine::FinalizeInput& input, const engine::Steps& steps,
            std::pmr::memory_resource* memory, engine::FinalizeOutput* output) {
    return (input.base == nullptr ? held : engine::Finalize)(input, steps,
                                                             memory, output);
  });
  const SampleBtf btf;
  AddBase(btf);
  grpc::ClientContext context;
  std::unique_ptr<Stream> stream = stub_->FinalizeStream(&context);
  v1::FinalizeRequest slow = RequestFor(btf), fast = slow;
  slow.clear_base();
  slow.set_btf(btf.base_raw);
  slow.set_tag(1);
  fast.set_tag(2);
  stream->Write(slow);
  gate.AwaitWaiting(1);
  stream->Write(fast);
  v1::FinalizeResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.tag(), 2u);
  gate.Open();
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.tag(), 1u);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamTest, AClientThatFetchesNoAnswersHoldsUpOnlyItself) {
  Start([&](const engine::FinalizeInput&, const engine::Steps&,
            std::pmr::memory_resource*, engine::FinalizeOutput* output) {
    output->btf = std::string(1 << 20, 'x');
    return absl::OkStatus();
  });
  v1::FinalizeRequest request = RequestFor(SampleBtf());
  request.clear_base();
  request.set_bypass_cache(true);
  grpc::ClientContext context;
  std::unique_ptr<Stream> stream = stub_->FinalizeStream(&context);
  // The stream is not read while it has enough in flight.
  std::thread writer([&] {
    for (int i = 0; i < 200 && stream->Write(request); ++i) {
    }
  });
  absl::SleepFor(absl::Milliseconds(300));
  EXPECT_LE(service_->admission().in_flight(), 2 * options_.threads + 2);
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(Finalize(request, absl::Seconds(20)), Ended(v1::OK, ""));
  }
  context.TryCancel();
  writer.join();
  stream->Finish();
  EXPECT_TRUE(service_->admission().WaitUntilIdle(absl::Seconds(20)));
}

TEST_F(StreamTest, AStreamWhoseClientVanishesLeavesNothingBehind) {
  Gate gate;
  Start(gate.Before(engine::Finalize));
  const SampleBtf btf;
  AddBase(btf);
  {
    grpc::ClientContext context;
    std::unique_ptr<Stream> stream = stub_->FinalizeStream(&context);
    v1::FinalizeRequest request = RequestFor(btf);
    request.set_bypass_cache(true);
    for (int i = 0; i < 6; ++i) stream->Write(request);
    gate.AwaitWaiting(2);
    context.TryCancel();
    stream->Finish();
  }
  absl::SleepFor(absl::Milliseconds(50));
  gate.Open();
  EXPECT_TRUE(service_->admission().WaitUntilIdle(absl::Seconds(20)));
  // The two that were being computed ended; the others never began.
  ExpectCount(Counter::kOutcomeOk, 2);
  ExpectCount(Counter::kOutcomeCancelled, 4);
}

}  // namespace
}  // namespace btfd::daemon
