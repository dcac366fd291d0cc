// SPDX-License-Identifier: Apache-2.0
//
// Clients that stall, send slowly, vanish, come in crowds or send too much.
// They must not delay other clients, and the daemon must get back what they
// held. A client that finds no room must still get its module finalized.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "tests/abuse/http2.h"
#include "tests/load/daemon_fixture.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Short enough for a test, and long enough for a good client on a slow machine.
constexpr char kStall[] = "stall_timeout=3";

class BadClient : public DaemonTest {
 protected:
  void Begin(const std::vector<std::string>& options = {kStall}) {
    Start(options);
    SendBases(small_);
    ExpectRight(good(), Connect().get());
    before_ = Now();
  }
  const Case& good() const { return small_.cases[0]; }

  // Other clients must be served while the bad ones are connected.
  void ExpectOthersServed() const {
    for (int i = 0; i < 20; ++i) ExpectRight(good(), Connect().get());
  }

  // Everything that the bad clients held must be free again.
  void ExpectReleased(uint64_t slack) const {
    Await([&] { return Status().requests_in_flight() == 0; },
          "nothing in flight");
    Await([&] { return Now().sockets <= before_.sockets + 1; },
          "sockets closed");
    Await([&] { return Now().threads <= before_.threads + 8; },
          "threads ended");
    Await([&] { return Now().descriptors <= before_.descriptors + 48; },
          "descriptors closed");
    ExpectUnharmed(good(), before_, slack);
  }

  // A standalone BTF of about that size; its answer has the same size.
  static v1::FinalizeRequest BulkyRequest(size_t bytes) {
    v1::FinalizeRequest request = SmallWorkload(1).cases[0].request;
    request.clear_base();
    request.mutable_steps()->set_dedup(false);
    request.mutable_steps()->set_distill(false);
    request.set_bypass_cache(true);
    std::string btf = SmallWorkload(1).bases[0];
    // BTF with a longer string section is still valid. The section's length is
    // the last word of the header.
    const size_t more = bytes - btf.size();
    uint32_t length;
    memcpy(&length, btf.data() + 20, 4);
    length += more;
    memcpy(btf.data() + 20, &length, 4);
    btf.append(more - 1, 'x');
    btf.push_back('\0');
    request.set_btf(std::move(btf));
    return request;
  }

  // The first bytes of a call, in HTTP/2 written by hand.
  static std::string CallOf(const std::string& method, uint32_t stream) {
    return Frame(FrameType::kHeaders, kEndHeaders, stream,
                 HpackBlock(CallHeaders(method)));
  }

  const Workload small_ = SmallWorkload(6);
  Footprint before_;
};

TEST_F(BadClient, WhoFetchesNoAnswersOfAStreamHoldsUpNobody) {
  Begin();
  const v1::FinalizeRequest request = BulkyRequest(MiB(1));
  std::vector<std::unique_ptr<DaemonClient>> clients;
  std::vector<std::unique_ptr<DaemonClient::Stream>> streams;
  std::vector<std::thread> writers;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(Connect());
    streams.push_back(clients.back()->StartStream());
    writers.emplace_back([&request, stream = streams.back().get()] {
      while (stream->Write(request)) {
      }
    });
  }
  Await([&] { return Status().requests_in_flight() >= 8; }, "streams stall");
  ExpectOthersServed();
  // The daemon ends the calls, no client does.
  for (std::thread& writer : writers) writer.join();
  for (const auto& stream : streams) {
    v1::FinalizeResponse response;
    while (stream->Read(&response)) {
    }
    EXPECT_EQ(stream->Finish().code(), absl::StatusCode::kCancelled);
  }
  EXPECT_GE(Counter("calls_stalled"), 8u);
  streams.clear();
  clients.clear();
  ExpectReleased(MiB(96));
}

TEST_F(BadClient, AnswersThatNobodyTakesDoNotUseUpTheThreads) {
  Begin();
  // A window of 0 bytes: not even the smallest answer can be sent.
  const std::string no_window("\0\4\0\0\0\0", 6);
  std::vector<RawConnection> connections;
  for (int i = 0; i < 14; ++i) {
    connections.emplace_back(RawConnect());
    std::string bytes =
        Preface() + Frame(FrameType::kSettings, 0, 0, no_window);
    for (uint32_t stream = 1; stream < 60; stream += 2) {
      bytes += CallOf("GetStatus", stream) +
               Frame(FrameType::kData, kEndStream, stream, GrpcMessage(""));
    }
    ASSERT_TRUE(connections.back().Send(bytes));
  }
  Await([&] { return Now().threads > before_.threads + 300; },
        "four hundred calls have a thread each");
  ExpectOthersServed();
  Await([&] { return Counter("calls_stalled") >= 420; }, "they are ended");
  connections.clear();
  ExpectReleased(MiB(64));
}

TEST_F(BadClient, ARequestOfAByteASecondIsEnded) {
  Begin();
  std::vector<RawConnection> connections;
  for (int i = 0; i < 16; ++i) {
    connections.emplace_back(RawConnect());
    ASSERT_TRUE(connections.back().Send(
        Preface() + CallOf(i % 2 ? "Finalize" : "FinalizeStream", 1) +
        Frame(FrameType::kData, 0, 1, GrpcMessage("x", false, 1000))));
  }
  const absl::Time start = absl::Now();
  while (Counter("calls_stalled") < 16) {
    ASSERT_LT(absl::Now() - start, absl::Seconds(60));
    for (RawConnection& connection : connections) {
      connection.Send(Frame(FrameType::kData, 0, 1, "x"));
    }
    ExpectRight(good(), Connect().get());
    absl::SleepFor(absl::Milliseconds(500));
  }
  connections.clear();
  ExpectReleased(MiB(64));
}

TEST_F(BadClient, AnUploadOfAByteASecondIsEndedAndAnotherOvertakesIt) {
  // The other one waits for three seconds before it overtakes (kUploadWait).
  // Meanwhile nothing moves here.
  Begin({"stall_timeout=6"});
  const std::string base = BulkyRequest(100 << 10).btf();
  const auto slow = Connect();
  const auto upload = slow->StartUpload();
  ASSERT_TRUE(upload->Write(HeaderFor(base)));
  v1::AddBaseRequest part;
  part.set_chunk(base.substr(0, 1));
  ASSERT_TRUE(upload->Write(part));
  // Else it may be told that the base is known already.
  Await([&] { return Status().requests_in_flight() == 1; }, "upload begun");
  const auto added = Connect()->AddBase(base);
  ASSERT_TRUE(added.ok()) << added.status();
  EXPECT_EQ(added->outcome(), v1::OK) << added->message();
  EXPECT_FALSE(added->already_known());
  // Each byte is progress, but the whole is too slow.
  for (size_t at = 1; Counter("outcome_cancelled") == 0; ++at) {
    part.set_chunk(base.substr(at, 1));
    upload->Write(part);
    ASSERT_LT(at, 300u) << "nobody stops it";
    absl::SleepFor(absl::Milliseconds(200));
  }
  const auto ended = upload->Finish();
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->outcome(), v1::CANCELLED);
  EXPECT_THAT(ended->message(), HasSubstr("of 102400 bytes came in time"));
  ExpectReleased(MiB(64));
}

TEST_F(BadClient, UploadsThatStopInTheirMiddleHoldNoAdmission) {
  Begin({kStall, "max_bytes_in_flight=8M", "max_btf_bytes=8M"});
  std::vector<std::unique_ptr<DaemonClient>> clients;
  std::vector<std::unique_ptr<DaemonClient::Upload>> uploads;
  for (int i = 0; i < 20; ++i) {
    // Announces eight megabytes, and sends a hundred bytes.
    const std::string base(MiB(8), static_cast<char>('a' + i));
    clients.push_back(Connect());
    uploads.push_back(clients.back()->StartUpload());
    ASSERT_TRUE(uploads.back()->Write(HeaderFor(base)));
    v1::AddBaseRequest part;
    part.set_chunk(base.substr(0, 100));
    ASSERT_TRUE(uploads.back()->Write(part));
  }
  Await([&] { return Status().requests_in_flight() == 20; }, "uploads begun");
  ExpectOthersServed();
  for (const auto& upload : uploads) {
    EXPECT_EQ(upload->Finish().status().code(), absl::StatusCode::kOk);
  }
  uploads.clear();
  clients.clear();
  ExpectReleased(MiB(64));
}

TEST_F(BadClient, WhoVanishesLeavesNothingBehind) {
  Begin({"stall_timeout=0"});
  const std::string message = BulkyRequest(MiB(1)).SerializeAsString();
  for (int i = 0; i < 60; ++i) {
    RawConnection connection(RawConnect());
    std::string bytes =
        Preface() + CallOf(i % 2 ? "Finalize" : "FinalizeStream", 1);
    // As much as the windows allow, of a message that is whole (and small), cut
    // in its middle, or not begun.
    std::string framed = GrpcMessage(message).substr(0, 16000);
    if (i % 3 == 0) {
      framed = GrpcMessage(good().request.SerializeAsString());
    }
    if (i % 3 != 1) bytes += Frame(FrameType::kData, 0, 1, framed);
    ASSERT_TRUE(connection.Send(bytes));
    // Half of the clients close their sending side, the others send nothing
    // more. At the end all connections are closed.
    if (i % 2 == 0) shutdown(connection.fd(), SHUT_WR);
    if (i % 10 == 0) ExpectRight(good(), Connect().get());
  }
  ExpectReleased(MiB(64));
}

TEST_F(BadClient, ABatchThatIsKilledInItsMiddleLeavesNothingBehind) {
  Begin({"stall_timeout=0"});
  const auto kernel = FindKernel("6.12");
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  ScratchDir scratch;
  std::vector<std::string> copies;
  for (const std::string& module : SpreadBySize(kernel->modules, 60)) {
    copies.push_back(scratch.file(absl::StrCat(copies.size(), ".ko")));
    fs::copy_file(module, copies.back());
  }
  WriteFile(scratch.file("list"), absl::StrJoin(copies, "\n"));
  // The daemon has the base after the first request.
  const std::vector<std::string> command = {
      daemon_.programs().btfc, "finalize",      "--base",
      kernel->vmlinux_btf,     "--profile=7.3", "--distill=always",
      "--drop-signature",      "--from-file",   scratch.file("list")};
  const ProcessOptions options = {daemon_.Environment({"BTFD_RESULT_CACHE=0"}),
                                  "", ""};
  const ProcessResult whole = RunProcess(command, options);
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  before_ = Now();
  for (int i = 1; i <= 8; ++i) {
    std::vector<std::string> killed = {"timeout", "-sKILL",
                                       absl::StrCat(0.05 * i)};
    killed.insert(killed.end(), command.begin(), command.end());
    RunProcess(killed, options);
    ExpectRight(good(), Connect().get());
  }
  ExpectReleased(MiB(96));
}

TEST_F(BadClient, TooManyConnectionsAreTurnedAwayAndTheirModulesFinalized) {
  Begin({"stall_timeout=1", "max_connections=16"});
  const auto kernel = FindKernel("6.12");
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  ScratchDir scratch;
  const std::string elf = scratch.file("module.ko");
  fs::create_symlink(SpreadBySize(kernel->modules, 3)[0], elf);
  const std::vector<std::string> finalize = {"resolve_btfids", "--distill_base",
                                             "--btf_base", kernel->vmlinux_btf,
                                             elf};
  std::vector<RawConnection> connections;
  for (int i = 0; i < 40; ++i) connections.emplace_back(RawConnect());

  const ProcessResult result =
      daemon_.Client(finalize, {"BTFD_REQUIRE=0", "BTFD_PROFILE=7.2"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(fs::exists(elf + ".BTF"));
  EXPECT_LE(Now().descriptors, before_.descriptors + 16);

  // The connections that were accepted, and on which nothing is sent, are
  // closed after a while.
  for (RawConnection& connection : connections) {
    EXPECT_TRUE(connection.AwaitClosed(60000));
  }
  const ProcessResult served = daemon_.Client(finalize, {"BTFD_PROFILE=7.2"});
  EXPECT_EQ(served.exit_code, 0) << served.err;
  const v1::GetStatusResponse status = Status();
  EXPECT_GE(status.counters().at("connections_refused"), 24u);
  ExpectReleased(MiB(96));
}

// At once come eight times as many bytes as may be in flight, and four times as
// many as may be in flight or wait.
TEST_F(BadClient, BeyondItsBoundsTheDaemonSaysBusyAndDoesNotGrow) {
  constexpr int kClients = 96;
  Begin({"max_requests_in_flight=8", "max_bytes_in_flight=16M",
         "max_btf_bytes=6M"});
  // These requests are in flight until the test ends them.
  std::vector<std::unique_ptr<DaemonClient>> holders;
  std::vector<std::unique_ptr<DaemonClient::Upload>> uploads;
  for (int i = 0; i < 8; ++i) {
    holders.push_back(Connect());
    uploads.push_back(holders.back()->StartUpload());
    uploads.back()->Write(HeaderFor(std::string(1000, 'a' + i)));
  }
  const auto watcher = Connect();
  Await([&] { return watcher->Status()->requests_in_flight() == 8; },
        "no room");
  const v1::FinalizeRequest request = BulkyRequest(MiB(4));
  absl::Mutex mutex;
  int busy = 0, served = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&] {
      const auto response = Connect()->Finalize(request, absl::Seconds(8));
      const absl::MutexLock lock(&mutex);
      // gRPC refuses calls for which it has no thread or memory. To make room,
      // it closes connections without a call. A client handles both. gRPC may
      // also end some of the holders; then others are served.
      const bool refused =
          response.ok() ? response->outcome() == v1::BUSY
                        : absl::IsResourceExhausted(response.status()) ||
                              absl::IsUnavailable(response.status()) ||
                              absl::IsDeadlineExceeded(response.status());
      ++(refused ? busy : served);
      if (refused) return;
      ASSERT_TRUE(response.ok()) << response.status();
      EXPECT_EQ(response->outcome(), v1::OK) << response->message();
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_GT(busy, kClients / 2);
  const Footprint crowded = Now();
  printf("%d clients with 4 MiB each: %s before, %s at the peak\n", kClients,
         InMiB(before_.resident).c_str(), InMiB(crowded.peak).c_str());
  // In such a burst gRPC's buffers exceed their quota for a while (see
  // daemon/README.md), but the daemon does not hold all that the clients send.
  EXPECT_LT(crowded.peak,
            before_.resident + kClients * MiB(4) + kSanitizerMemory);

  // A real client waits, and then does the work itself.
  const auto kernel = FindKernel("6.12");
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  ScratchDir scratch;
  const std::string elf = scratch.file("module.ko");
  fs::create_symlink(SpreadBySize(kernel->modules, 3)[0], elf);
  const ProcessResult result =
      daemon_.Client({"resolve_btfids", "--distill_base", "--btf_base",
                      kernel->vmlinux_btf, elf},
                     {"BTFD_REQUIRE=0", "BTFD_PROFILE=7.2"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(fs::exists(elf + ".BTF"));

  for (const auto& upload : uploads) upload->Finish().status().IgnoreError();
  uploads.clear();
  holders.clear();
  ExpectReleased(MiB(256));
}

}  // namespace
}  // namespace btfd::tests
