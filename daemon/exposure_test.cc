// SPDX-License-Identifier: Apache-2.0
//
// Tests which processes may connect to the real daemon, and how it bears what
// they send.
#include <grpcpp/generic/generic_stub.h>
#include <sys/socket.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "daemon/testing/lifecycle_test_util.h"
#include "gmock/gmock.h"

namespace btfd::daemon {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr uid_t kNobody = 65534;

class ExposureTest : public LifecycleTest {};

TEST_F(ExposureTest, AnotherUserIsRefusedBeforeAByteIsRead) {
  ASSERT_EQ(geteuid(), 0u)
      << "this test becomes another user, which only root can";
  chmod(root_.c_str(), 0711);
  socket_ = root_ + "/open.sock";
  const pid_t daemon = Start({"--socket=" + socket_});
  ASSERT_GT(daemon, 0);
  chmod(socket_.c_str(), 0666);
  const pid_t stranger = fork();
  if (stranger == 0) {
    if (setuid(kNobody) != 0) _exit(2);
    const util::UniqueFd fd = tests::ConnectTo(socket_);
    if (!fd) _exit(3);
    // An HTTP/2 server would send first; the daemon closes the connection
    // instead.
    char byte;
    _exit(read(fd.get(), &byte, 1) <= 0 ? 0 : 4);
  }
  EXPECT_EQ(Wait(stranger), 0);
  EXPECT_THAT(ReadAll(root_ + "/open.log"),
              HasSubstr("refused a connection of uid 65534"));
  grpc::ClientContext context;
  v1::GetStatusResponse status;
  Client client = Connect();
  client->GetStatus(&context, {}, &status);
  EXPECT_EQ(status.counters().at("peers_refused"), 1u);
}

TEST_F(ExposureTest, AnotherUserDoesNotGetAsFarAsTheSocket) {
  ASSERT_EQ(geteuid(), 0u)
      << "this test becomes another user, which only root can";
  chmod(root_.c_str(), 0711);
  Start();
  const pid_t stranger = fork();
  if (stranger == 0) {
    if (setuid(kNobody) != 0) _exit(2);
    _exit(!tests::ConnectTo(socket_) && errno == EACCES ? 0 : 3);
  }
  EXPECT_EQ(Wait(stranger), 0);
}

// Returns what comes on a connection within that time, and whether it is closed
// then.
std::pair<std::string, bool> Heard(int fd, absl::Duration limit) {
  std::string bytes;
  const absl::Time give_up = absl::Now() + limit;
  while (absl::Now() < give_up) {
    char buffer[4096];
    const ssize_t size = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno != EAGAIN)) return {bytes, true};
    if (size > 0) bytes.append(buffer, size);
    if (size < 0) absl::SleepFor(absl::Milliseconds(1));
  }
  return {bytes, false};
}

TEST_F(ExposureTest, RubbishOnTheSocketHarmsNobody) {
  const pid_t daemon = Start();
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const std::string settings("\0\0\0\4\0\0\0\0\0", 9);
  struct Row {
    std::string bytes;
    bool is_closed;  // if not, the daemon waits for more
  };
  const std::vector<Row> rows = {
      {"", false},
      {"GET / HTTP/1.1\r\n\r\n", true},
      {std::string(100000, '\xff'), true},
      {preface + std::string(1000, '\xff'), true},
      // A frame that claims 16 MB, and one that ends in its middle.
      {preface + settings + std::string("\xff\xff\xff\1\4\0\0\0\1", 9), true},
      {preface + settings + std::string("\0\0\x40\1\4\0\0\0\1zz", 11), false}};
  std::vector<util::UniqueFd> open;
  for (const Row& row : rows) {
    for (const bool close_at_once : {true, false}) {
      util::UniqueFd fd = tests::ConnectTo(socket_);
      send(fd.get(), row.bytes.data(), row.bytes.size(),
           MSG_NOSIGNAL | MSG_DONTWAIT);
      if (!close_at_once) {
        const auto [heard, closed] = Heard(
            fd.get(), row.is_closed ? absl::Seconds(10) : absl::Seconds(0.2));
        EXPECT_EQ(closed, row.is_closed)
            << absl::CHexEscape(row.bytes.substr(0, 50));
        // At most SETTINGS, a window and GOAWAY, because the daemon does not
        // speak HTTP/1.1.
        EXPECT_LT(heard.size(), 300u);
        EXPECT_THAT(heard, Not(HasSubstr("HTTP/1")));
        open.push_back(std::move(fd));
      }
      EXPECT_EQ(Connect().Greet(), daemon);
    }
  }
}

TEST_F(ExposureTest, MessagesThatAreNoneOrTooLargeEndOnlyTheirCall) {
  const pid_t daemon = Start({"--max_btf_bytes=1M"});
  Client client = Connect();
  EXPECT_THAT(
      client.Call("Finalize", "\xff\xff\xff").status().code(),
      AnyOf(absl::StatusCode::kInternal, absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(client.Call("NoSuch", "").status().code(),
            absl::StatusCode::kUnimplemented);
  // A message that is a little too large gets an answer; a much larger one is
  // not even read.
  v1::FinalizeRequest request = RequestFor(SampleBtf());
  request.set_btf(std::string(2 << 20, 'x'));
  EXPECT_THAT(client.Finalize(request), Ended(v1::TOO_LARGE, "2097152 bytes"));
  request.set_btf(std::string(40 << 20, 'x'));
  grpc::ClientContext context;
  v1::FinalizeResponse unread;
  EXPECT_EQ(client->Finalize(&context, request, &unread).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(client.Greet(), daemon);
}

TEST_F(ExposureTest, HealthServiceAndReflectionCanBeReached) {
  Start();
  Client client = Connect();
  const auto health = client.Call("/grpc.health.v1.Health/Check", "");
  ASSERT_TRUE(health.ok()) << health.status();
  EXPECT_EQ(*health, "\x08\x01") << "status: SERVING";

  grpc::GenericStub stub(client.channel());
  grpc::ClientContext context;
  Client::SetDeadline(&context);
  grpc::CompletionQueue queue;
  const auto next = [&] {
    void* tag;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  auto call = stub.PrepareCall(
      &context,
      "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  call->StartCall(nullptr);
  ASSERT_TRUE(next());
  const grpc::Slice list_services("\x3a\x01*");  // field 7: "*"
  call->Write(grpc::ByteBuffer(&list_services, 1), nullptr);
  ASSERT_TRUE(next());
  grpc::ByteBuffer received;
  call->Read(&received, nullptr);
  ASSERT_TRUE(next());
  std::vector<grpc::Slice> slices;
  ASSERT_TRUE(received.Dump(&slices).ok());
  std::string services;
  for (const grpc::Slice& part : slices) {
    services.append(part.begin(), part.end());
  }
  EXPECT_THAT(services, HasSubstr("btfd.v1.Btfd"));
  context.TryCancel();
  grpc::Status status;
  call->Finish(&status, nullptr);
  next();
}

}  // namespace
}  // namespace btfd::daemon
