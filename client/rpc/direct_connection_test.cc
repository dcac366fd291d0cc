// SPDX-License-Identifier: Apache-2.0
//
// Tests DirectConnection with gRPC's own server, and with peers that do not
// speak gRPC.
#include "client/rpc/direct_connection.h"

#include <fcntl.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/btfd_lite.grpc.pb.h"

namespace btfd::client {
namespace {

using ::testing::HasSubstr;

constexpr char kFinalize[] = "/btfd.v1.Btfd/Finalize";

// Answers with the request's BTF. A tag of 1 makes it fail, a tag of 2 makes it
// wait.
class Echo final : public v1::Btfd::Service {
  grpc::Status Finalize(grpc::ServerContext*,
                        const v1::FinalizeRequest* request,
                        v1::FinalizeResponse* response) override {
    if (request->tag() == 1) {
      return {grpc::StatusCode::FAILED_PRECONDITION, "50 % of it\nis wrong"};
    }
    if (request->tag() == 2) absl::SleepFor(absl::Milliseconds(300));
    response->set_btf(request->btf());
    return grpc::Status::OK;
  }

  // Answers with a description of what it got. It does not even read a base of
  // one byte.
  grpc::Status AddBase(grpc::ServerContext*,
                       grpc::ServerReader<v1::AddBaseRequest>* reader,
                       v1::AddBaseResponse* response) override {
    v1::AddBaseRequest part;
    size_t bytes = 0, parts = 0;
    for (; reader->Read(&part); ++parts) {
      if (part.header().size() == 1) {
        return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too much of it"};
      }
      bytes += part.chunk().size();
    }
    response->set_message(absl::StrCat(parts, " parts, ", bytes, " bytes"));
    return grpc::Status::OK;
  }
};

class DirectConnectionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int pair[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                         pair),
              0);
    ours_ = util::UniqueFd(pair[0]);
    theirs_ = util::UniqueFd(pair[1]);
  }

  void Serve() {
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(-1);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    grpc::AddInsecureChannelFromFd(server_.get(), theirs_.Release());
    connection_ = std::make_unique<DirectConnection>(std::move(ours_));
  }

  absl::Status Call(uint64_t tag, std::string btf = "",
                    const std::string& method = kFinalize) {
    v1::FinalizeRequest request;
    request.set_tag(tag);
    request.set_btf(std::move(btf));
    return connection_->Call(method, request, limits_, &response_);
  }

  // Sends one part with a header for `size` bytes, then `parts` parts of
  // 100,000 bytes.
  absl::Status AddBase(uint64_t size, int parts,
                       v1::AddBaseResponse* response) {
    v1::AddBaseRequest part;
    int sent = 0;
    return connection_->CallWithStream(
        "/btfd.v1.Btfd/AddBase",
        [&]() -> const google::protobuf::MessageLite* {
          if (sent > parts) return nullptr;
          if (sent++ == 0) {
            part.mutable_header()->set_size(size);
          } else {
            part.set_chunk(std::string(100000, 'x'));
          }
          return &part;
        },
        limits_, response);
  }

  DirectConnection::Limits limits_ = {absl::Seconds(60), absl::Seconds(30),
                                      absl::Seconds(30)};
  util::UniqueFd ours_, theirs_;
  Echo service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<DirectConnection> connection_;
  v1::FinalizeResponse response_;
};

TEST_F(DirectConnectionTest, CallsFollowEachOther) {
  Serve();
  for (const size_t size : {0, 1, 16384, 65536, 1 << 20, 20 << 20, 5}) {
    std::string btf(size, 'x');
    for (size_t i = 0; i < size; i += 997) btf[i] = static_cast<char>(i);
    const absl::Status status = Call(0, btf);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(response_.btf() == btf) << size;
  }
}

TEST_F(DirectConnectionTest, ARequestMayBeAStream) {
  Serve();
  v1::AddBaseResponse response;
  for (const int parts : {0, 1, 2, 100}) {
    const absl::Status status = AddBase(0, parts, &response);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(response.message(),
              absl::StrCat(parts + 1, " parts, ", parts,
                           parts > 0 ? "00000" : "", " bytes"));
  }
  ASSERT_TRUE(connection_
                  ->CallWithStream(
                      "/btfd.v1.Btfd/AddBase",
                      []() -> const v1::AddBaseRequest* { return nullptr; },
                      limits_, &response)
                  .ok());
  EXPECT_EQ(response.message(), "0 parts, 0 bytes");
  EXPECT_TRUE(Call(0, "after them").ok());
}

TEST_F(DirectConnectionTest, AStreamThatIsRefusedEndsAtOnce) {
  Serve();
  v1::AddBaseResponse response;
  const absl::Status status = AddBase(1, 1000, &response);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "too much of it");
  EXPECT_TRUE(Call(0, "after it").ok());
}

TEST_F(DirectConnectionTest, TheStatusIsThatOfTheTrailers) {
  Serve();
  absl::Status status = Call(1);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), "50 % of it\nis wrong");
  status = Call(0, "", "/btfd.v1.Btfd/NoSuchCall");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  status = Call(0, "after both");
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(DirectConnectionTest, ABusyServerIsWaitedFor) {
  Serve();
  limits_.silence = absl::Milliseconds(20);
  const absl::Status status = Call(2, "slow");
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(response_.btf(), "slow");
}

TEST_F(DirectConnectionTest, ACallEndsAtItsDeadline) {
  Serve();
  limits_.call = absl::Milliseconds(50);
  EXPECT_EQ(Call(2).code(), absl::StatusCode::kDeadlineExceeded);
}

// A peer that accepts bytes and never answers, like the socket of a stopped
// process.
TEST_F(DirectConnectionTest, APeerThatIsSilentIsGivenUp) {
  connection_ = std::make_unique<DirectConnection>(std::move(ours_));
  limits_.silence = absl::Milliseconds(20);
  limits_.probe = absl::Milliseconds(20);
  absl::Status status = Call(0);
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(status.message(), "the daemon does not answer");
  status = Call(0);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("broke before"));
}

TEST_F(DirectConnectionTest, APeerThatGoesAwayIsUnavailable) {
  theirs_ = util::UniqueFd();
  connection_ = std::make_unique<DirectConnection>(std::move(ours_));
  EXPECT_EQ(Call(0, std::string(1 << 20, 'x')).code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(DirectConnectionTest, APeerThatSpeaksSomethingElseIsUnavailable) {
  connection_ = std::make_unique<DirectConnection>(std::move(ours_));
  const std::string answer =
      "HTTP/1.1 400 Bad Request\r\n\r\nThis is no HTTP/2";
  ASSERT_EQ(write(theirs_.get(), answer.data(), answer.size()),
            static_cast<ssize_t>(answer.size()));
  EXPECT_EQ(Call(0).code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace btfd::client
