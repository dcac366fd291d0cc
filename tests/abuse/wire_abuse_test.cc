// SPDX-License-Identifier: Apache-2.0
//
// HTTP/2 that no library would send. After each test the daemon must be the
// same process, must have nothing in flight, must hold little more memory than
// before, and must give a good request the right bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "tests/abuse/http2.h"
#include "tests/load/daemon_fixture.h"

namespace btfd::tests {
namespace {

using ::testing::HasSubstr;

class WireAbuse : public DaemonTest {
 protected:
  void SetUp() override {
    Start({"stall_timeout=3"});
    SendBases(small_);
    ExpectRight(good(), Connect().get());
    before_ = Now();
  }
  const Case& good() const { return small_.cases[0]; }
  std::string GoodMessage() const {
    return GrpcMessage(good().request.SerializeAsString());
  }
  static std::string Begin(uint32_t stream, const std::string& method,
                           const Headers& more = {}, uint8_t flags = 0) {
    return Frame(FrameType::kHeaders, kEndHeaders | flags, stream,
                 HpackBlock(CallHeaders(method, more)));
  }
  static std::string Data(uint32_t stream, const std::string& bytes,
                          uint8_t flags = 0) {
    std::string frames;
    // A frame has at most 16 KiB unless the other side allows more.
    for (size_t at = 0; at == 0 || at < bytes.size(); at += 16384) {
      const std::string part = bytes.substr(at, 16384);
      const bool last = at + 16384 >= bytes.size();
      frames += Frame(FrameType::kData, last ? flags : 0, stream, part);
    }
    return frames;
  }
  // Waits until a good client gets its answer; the client may repeat its
  // request.
  void AwaitServed() const {
    int in_a_row = 0;
    Await(
        [&] {
          const auto response =
              Connect()->Finalize(good().request, absl::Seconds(2));
          const bool served = response.ok() && response->outcome() == v1::OK &&
                              SignatureOf(*response) == good().expected;
          in_a_row = served ? in_a_row + 1 : 0;
          return in_a_row == 10;
        },
        "good requests are served");
  }
  // Sends `bytes`, then a ping, and expects the daemon to say `words`: that the
  // connection ends (GOAWAY, CLOSED), that a stream ends (RESET), that a call
  // fails (ANSWER), or that nothing was wrong (PING).
  void ExpectSaid(const std::string& what, const std::string& bytes,
                  const std::string& words) const {
    RawConnection connection(RawConnect());
    connection.Send(Preface() + bytes +
                    Frame(FrameType::kPing, 0, 0, "12345678"));
    const std::string said = connection.ReceiveUntil(words, 5000);
    EXPECT_THAT(said, HasSubstr(words)) << what;
    RecordProperty(absl::StrReplaceAll(what, {{" ", "_"}}), said);
    ExpectUnharmedAfter(what);
  }
  // The allocator keeps some memory for many small pieces, and for threads.
  void ExpectUnharmedAfter(const std::string& what) const {
    SCOPED_TRACE(what);
    ExpectUnharmed(good(), before_, MiB(384));
    EXPECT_LT(Now().peak, before_.peak + MiB(384) + kSanitizerMemory);
  }

  const Workload small_ = SmallWorkload(2);
  Footprint before_;
};

TEST_F(WireAbuse, AGoodCallByHandIsAnswered) {
  RawConnection connection(RawConnect());
  ASSERT_TRUE(connection.Send(Preface() + Begin(1, "Finalize") +
                              Data(1, GoodMessage(), kEndStream)));
  // First the connection itself must work, so that what follows fails for its
  // own reason.
  const std::string answer = connection.Receive(2000);
  EXPECT_NE(answer.find("application/grpc"), std::string::npos);
}

struct Row {
  std::string what;
  std::string bytes;
  std::string words;  // the daemon's answer
};

TEST_F(WireAbuse, FramesThatBreakTheRules) {
  const std::string headers = Begin(1, "Finalize");
  const std::string good = headers + Data(1, GoodMessage(), kEndStream);
  const std::vector<Row> rows = {
      {"data before headers", Data(1, GoodMessage()), "PING"},
      {"headers on an even stream", Begin(2, "Finalize"), "PING"},
      {"headers on stream 0", Begin(0, "Finalize"), "PING"},
      {"a stream begun again", good + good, "PING, ANSWER 1: 0"},
      {"streams in falling order", Begin(9, "Finalize") + Begin(3, "Finalize"),
       "PING"},
      {"settings of a wrong size", Frame(FrameType::kSettings, 0, 0, "abcde"),
       "CLOSED"},
      {"settings of a stream", Frame(FrameType::kSettings, 0, 1), "CLOSED"},
      {"a ping of a wrong size", Frame(FrameType::kPing, 0, 0, "abc"),
       "CLOSED"},
      {"a window that grows by nothing",
       Frame(FrameType::kWindowUpdate, 0, 0, std::string(4, '\0')), "CLOSED"},
      {"a window that overflows",
       Frame(FrameType::kWindowUpdate, 0, 0, "\x7f\xff\xff\xff") +
           Frame(FrameType::kWindowUpdate, 0, 0, "\x7f\xff\xff\xff"),
       "PING"},
      {"a frame of 16 MB", Frame(FrameType::kData, 0, 1, "x", 0xffffff),
       "CLOSED"},
      {"headers that are cut off",
       Frame(FrameType::kHeaders, kEndHeaders, 1,
             HpackBlock(CallHeaders("Finalize")).substr(0, 50)),
       "CLOSED"},
      {"an index of headers that there is not",
       Frame(FrameType::kHeaders, kEndHeaders, 1, "\xff\xff\xff\xff\x0f"),
       "CLOSED"},
      {"a continuation of nothing",
       Frame(FrameType::kContinuation, kEndHeaders, 1, "x"), "CLOSED"},
      {"headers within headers",
       Frame(FrameType::kHeaders, 0, 1, HpackBlock(CallHeaders("Greet"))) +
           Begin(3, "Finalize"),
       "CLOSED"},
      {"data beyond the window", headers + Data(1, std::string(1 << 20, 'x')),
       "PING"},
      {"a frame that nobody knows",
       Frame(static_cast<FrameType>(200), 0xff, 1, std::string(1000, 'x')),
       "PING"},
      {"a preface twice", Preface(), "CLOSED"},
      {"HTTP/1.1 after the preface", "GET / HTTP/1.1\r\n\r\n", "CLOSED"},
      {"noise", std::string(70000, '\xa5'), "CLOSED"},
  };
  for (const Row& row : rows) ExpectSaid(row.what, row.bytes, row.words);
}

TEST_F(WireAbuse, CallsThatAreNone) {
  const std::vector<Row> rows = {
      {"of no method",
       Frame(FrameType::kHeaders, kEndHeaders | kEndStream, 1,
             HpackBlock({{":method", "POST"}})),
       "ANSWER 1: 2"},
      {"by GET",
       Frame(FrameType::kHeaders, kEndHeaders | kEndStream, 1,
             HpackBlock({{":method", "GET"},
                         {":scheme", "http"},
                         {":path", "/btfd.v1.Btfd/Greet"},
                         {":authority", "x"}})),
       "ANSWER 1: 2"},
      {"of text",
       Begin(1, "Greet", {{"content-type", "text/html"}}) +
           Data(1, GrpcMessage(""), kEndStream),
       "ANSWER 1: 0"},
      {"of a method that is a path",
       Begin(1, "../../../etc/passwd") + Data(1, GoodMessage(), kEndStream),
       "ANSWER 1: 12"},
      {"with a deadline that is none",
       Begin(1, "Greet", {{"grpc-timeout", "99999999999999999999H"}}) +
           Data(1, GrpcMessage(""), kEndStream),
       "ANSWER 1: 0"},
      {"with an encoding that is none",
       Begin(1, "Finalize", {{"grpc-encoding", "snappy"}}) +
           Data(1, GoodMessage(), kEndStream),
       "ANSWER 1: 0"},
      {"without a message", Begin(1, "Finalize", {}, kEndStream),
       "ANSWER 1: 1"},
      {"with two messages",
       Begin(1, "Finalize") +
           Data(1, GoodMessage() + GoodMessage(), kEndStream),
       "ANSWER 1: 0"},
      {"with a message that ends early",
       Begin(1, "Finalize") +
           Data(1, GrpcMessage("abc", false, 1000), kEndStream),
       "ANSWER 1: 1"},
      {"with a message of 4 GB",
       Begin(1, "Finalize") + Data(1, GrpcMessage("abc", false, 0xffffffff)),
       "ANSWER 1: 1"},
      {"with a message that says it is compressed",
       Begin(1, "Finalize") + Data(1, GrpcMessage("abc", true), kEndStream),
       "ANSWER 1: 3"},
      {"with a flag that there is not",
       Begin(1, "Finalize") + Data(1, "\x7f" + GoodMessage().substr(1)),
       "ANSWER 1: 1"},
      {"with data after the end",
       Begin(1, "Finalize") + Data(1, GoodMessage(), kEndStream) +
           Data(1, GoodMessage(), kEndStream),
       "ANSWER 1: 0"},
  };
  for (const Row& row : rows) ExpectSaid(row.what, row.bytes, row.words);
}

TEST_F(WireAbuse, UnfinishedMessagesOfManyStreamsInterleaved) {
  // Fewer than there are threads, since the other threads are for other
  // clients.
  constexpr uint32_t kEnd = 32;
  std::vector<RawConnection> connections;
  for (int i = 0; i < 16; ++i) {
    connections.emplace_back(RawConnect());
    std::string bytes = Preface();
    for (uint32_t stream = 1; stream < kEnd; stream += 2) {
      bytes += Begin(stream, stream % 4 == 1 ? "Finalize" : "FinalizeStream");
    }
    // Some bytes of each call in turn, but never the last ones.
    for (int part = 0; part < 10; ++part) {
      for (uint32_t stream = 1; stream < kEnd; stream += 2) {
        bytes += Data(stream, GoodMessage().substr(part * 3, 3));
      }
    }
    EXPECT_TRUE(connections.back().Send(bytes));
  }
  for (int i = 0; i < 10; ++i) ExpectRight(good(), Connect().get());
  Await([&] { return Counter("calls_stalled") >= 16 * 16; }, "they are ended");
  connections.clear();
  ExpectUnharmedAfter("unfinished messages");
}

// 20,000 calls. The reset ends each stream at once, so as many can be begun as
// are sent.
std::string ResetStreams(const std::string& message, uint32_t first) {
  std::string bytes;
  for (uint32_t stream = first; stream < first + 2000; stream += 2) {
    bytes +=
        Frame(FrameType::kHeaders, kEndHeaders, stream,
              HpackBlock(CallHeaders("Finalize"))) +
        Frame(FrameType::kData, kEndStream, stream,
              stream % 4 == 1 ? message : "") +
        Frame(FrameType::kRstStream, 0, stream, std::string("\0\0\0\10", 4));
  }
  return bytes;
}

TEST_F(WireAbuse, StreamsThatAreResetAsSoonAsTheyAreBegun) {
  RawConnection connection(RawConnect());
  ASSERT_TRUE(connection.Send(Preface()));
  for (uint32_t first = 1; first < 40'000; first += 2000) {
    // The daemon may also close the connection.
    if (!connection.Send(ResetStreams(GoodMessage(), first))) break;
    connection.Receive(50);
  }
  AwaitServed();
  connection.Close();
  ExpectUnharmedAfter("20,000 resets");
}

TEST_F(WireAbuse, StreamsThatAreResetByAClientThatDoesNotRead) {
  RawConnection connection(RawConnect());
  ASSERT_TRUE(connection.Send(Preface()));
  for (uint32_t first = 1; first < 40'000; first += 2000) {
    if (!connection.Send(ResetStreams(GoodMessage(), first), /*deaf=*/true)) {
      break;
    }
  }
  // All threads may now wait for this client. The daemon cuts it off; the
  // client does nothing for that.
  Await([&] { return Now().sockets <= before_.sockets; }, "it is cut off");
  AwaitServed();
  ExpectUnharmedAfter("20,000 resets that are not heard of");
}

std::string ManyStreams(const std::string& method = "FinalizeStream",
                        uint32_t count = 10'000) {
  std::string bytes;
  for (uint32_t i = 0; i < count; ++i) {
    bytes += Frame(FrameType::kHeaders, kEndHeaders, 2 * i + 1,
                   HpackBlock(CallHeaders(method)));
  }
  return bytes;
}

TEST_F(WireAbuse, ThousandsOfStreamsOnOneConnection) {
  RawConnection connection(RawConnect());
  // The daemon allows 32 streams of a connection, and with this the client
  // accepts it.
  ASSERT_TRUE(connection.Send(Preface()));
  connection.Receive(200);
  ASSERT_TRUE(connection.Send(Frame(FrameType::kSettings, kEndStream, 0)));
  absl::SleepFor(absl::Milliseconds(200));  // read before what follows
  connection.Send(ManyStreams());
  for (int i = 0; i < 10; ++i) ExpectRight(good(), Connect().get());
  EXPECT_LT(Now().threads, before_.threads + 2 * 32 + 20);
  connection.Close();
  ExpectUnharmedAfter("10,000 streams");
}

TEST_F(WireAbuse, ThousandsOfStreamsOfAClientThatAgreesToNothing) {
  RawConnection connection(RawConnect());
  ASSERT_TRUE(connection.Send(Preface()));
  connection.Send(ManyStreams());
  EXPECT_LT(Now().threads, before_.threads + 2 * 32 + 20);
  AwaitServed();
  connection.Close();
  ExpectUnharmedAfter("10,000 streams that were not agreed to");
}

TEST_F(WireAbuse, StreamsBeyondTheLimitAreRefusedWithoutAnAgreement) {
  RawConnection connection(RawConnect());
  ASSERT_TRUE(connection.Send(Preface() + ManyStreams("GetStatus", 40)));
  const std::string answer = connection.Receive(2000);
  // RST_STREAM with REFUSED_STREAM, for the 33rd as for the 40th.
  const std::string refused("\0\0\0\x07", 4);
  for (const uint32_t stream : {32, 39}) {
    EXPECT_NE(
        answer.find(Frame(FrameType::kRstStream, 0, 2 * stream + 1, refused)),
        std::string::npos)
        << stream;
  }
  EXPECT_EQ(answer.find(Frame(FrameType::kRstStream, 0, 2 * 31 + 1, refused)),
            std::string::npos)
      << "the 32nd is one of those agreed to";
  // The first 32 streams are still there and may be finished.
  ASSERT_TRUE(connection.Send(Data(1, GrpcMessage(""), kEndStream)));
  EXPECT_NE(connection.Receive(2000).find("application/grpc"),
            std::string::npos);
}

TEST_F(WireAbuse, HundredConnectionsOfThousandStreamsEach) {
  std::vector<RawConnection> connections;
  for (int i = 0; i < 100; ++i) {
    connections.emplace_back(RawConnect());
    connections.back().Send(Preface() + ManyStreams("GetStatus", 1000));
  }
  for (int i = 0; i < 10; ++i) {
    const auto response = Connect()->Finalize(good().request, absl::Seconds(2));
    static_cast<void>(response);  // there may be no thread for it
  }
  EXPECT_LT(Now().peak, before_.peak + MiB(96) + kSanitizerMemory);
  connections.clear();
  AwaitServed();
  ExpectUnharmedAfter("100,000 streams");
}

TEST_F(WireAbuse, FloodsOfMetadata) {
  // Once in one block of headers, and once in CONTINUATION frames that do not
  // end.
  {
    RawConnection connection(RawConnect());
    Headers many;
    for (int i = 0; i < 200; ++i) {
      many.push_back({absl::StrCat("x-", i), std::string(60, 'x')});
    }
    connection.Send(Preface() + Begin(1, "Greet", many) +
                    Data(1, GrpcMessage(""), kEndStream));
    connection.Receive(20);
    ExpectUnharmedAfter("metadata beyond what is taken");
  }
  {
    RawConnection connection(RawConnect());
    connection.Send(Preface() + Frame(FrameType::kHeaders, 0, 1,
                                      HpackBlock(CallHeaders("Greet"))));
    const std::string more =
        Frame(FrameType::kContinuation, 0, 1,
              HpackBlock({{"x", std::string(16000, 'x')}}));
    std::string flood;
    for (int i = 0; i < 64; ++i) flood += more;
    for (int i = 0; i < 64 && connection.Send(flood); ++i) {
    }
    ExpectUnharmedAfter("64 MB of continuations");
  }
}

TEST_F(WireAbuse, PingsAndSettingsWithoutEnd) {
  const std::string ping = Frame(FrameType::kPing, 0, 0, "12345678");
  const std::string settings = Frame(FrameType::kSettings, 0, 0);
  for (const std::string& frame : {ping, settings}) {
    RawConnection connection(RawConnect());
    connection.Send(Preface());
    std::string flood;
    for (int i = 0; i < 10'000; ++i) flood += frame;
    // A flood whose answers the client does not read.
    for (int i = 0; i < 5 && connection.Send(flood, /*deaf=*/true); ++i) {
      ExpectRight(good(), Connect().get());
    }
    ExpectUnharmedAfter("a flood of small frames");
  }
}

}  // namespace
}  // namespace btfd::tests
