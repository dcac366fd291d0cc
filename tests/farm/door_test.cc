// SPDX-License-Identifier: Apache-2.0
//
// Clients that connect over the network: which calls they may make, how many at
// once, and what a load balancer sees.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "daemon/tls/client_credentials.h"
#include "lib/btf/testing/builder.h"
#include "lib/util/digest.h"
#include "proto/btfd.grpc.pb.h"
#include "tests/farm/farm.h"

namespace btfd::tests {
namespace {

using ::testing::HasSubstr;

void SetDeadline(grpc::ClientContext* context) {
  context->set_deadline(std::chrono::system_clock::now() +
                        std::chrono::seconds(20));
}

std::string TextOf(const grpc::ByteBuffer& bytes) {
  std::vector<grpc::Slice> slices;
  std::string text;
  if (bytes.Valid() && bytes.Dump(&slices).ok()) {
    for (const grpc::Slice& slice : slices) {
      text.append(slice.begin(), slice.end());
    }
  }
  return text;
}

// The first message that comes back on a call of any kind.
grpc::Status Ask(const std::shared_ptr<grpc::Channel>& channel,
                 const std::string& method, const std::string& message,
                 std::string* answer) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  SetDeadline(&context);
  grpc::CompletionQueue queue;
  const auto next = [&queue] {
    void* tag;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto call = stub.PrepareCall(&context, method, &queue);
  call->StartCall(nullptr);
  if (next()) {
    const grpc::Slice slice(message);
    call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
    grpc::ByteBuffer received;
    if (next()) {
      call->Read(&received, nullptr);
      if (next()) {
        *answer = TextOf(received);
        return grpc::Status::OK;
      }
    }
  }
  grpc::Status status;
  call->Finish(&status, nullptr);
  next();
  return status;
}

constexpr char kCheckHealth[] = "/grpc.health.v1.Health/Check";
constexpr char kServing[] = "\x08\x01";
constexpr char kNotServing[] = "\x08\x02";
constexpr char kReflect[] =
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
constexpr char kListServices[] = "\x3a\x01*";

class Door : public FarmTest {
 protected:
  Door() {
    btf::testing::BtfBuilder base;
    const btf::TypeId i32 = base.Int("int", 4);
    base.Struct("in_base", 4, {{"a", i32, 0}});
    base_ = base.Build();
    btf::testing::BtfBuilder split(base);
    split.Struct("in_module", 4, {{"b", i32, 0}});
    request_.set_btf(split.Build());
    request_.mutable_base()->set_digest(Digest(base_));
    request_.mutable_steps()->set_sort(true);
    request_.mutable_steps()->set_new_header_size(32);
  }

  static std::string Digest(const std::string& bytes) {
    return std::string(util::Digest::Of(bytes).binary());
  }

  std::shared_ptr<grpc::Channel> Connect(int port, const std::string& name) {
    const auto credentials = daemon::tls::TlsChannelCredentials(
        {File("ca.crt"), File(name + ".crt"), File(name + ".key")});
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    grpc::ChannelArguments own;
    own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port),
                                     *credentials, own);
  }

  // An upload of `base_` that is in flight until Finish().
  struct Upload {
    explicit Upload(v1::Btfd::Stub* stub) {
      SetDeadline(&context);
      writer = stub->AddBase(&context, &response);
    }
    bool Begin(const std::string& base) {
      v1::AddBaseRequest part;
      part.mutable_header()->set_digest(Digest(base));
      part.mutable_header()->set_size(base.size());
      return writer->Write(part);
    }
    grpc::Status Finish(const std::string& base) {
      v1::AddBaseRequest part;
      part.set_chunk(base);
      writer->Write(part);
      writer->WritesDone();
      return writer->Finish();
    }
    grpc::ClientContext context;
    v1::AddBaseResponse response;
    std::unique_ptr<grpc::ClientWriter<v1::AddBaseRequest>> writer;
  };

  std::string base_;
  v1::FinalizeRequest request_;
};

TEST_F(Door, RemoteClientsFinalizeAndBringBasesAndNothingElse) {
  const int port = FreePort();
  const auto remote = StartRemote(port);
  const auto channel = Connect(port, "builder");
  const auto stub = v1::Btfd::NewStub(channel);
  {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::GreetResponse response;
    const grpc::Status status = stub->Greet(&context, {}, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  for (const char* method :
       {"Shutdown", "BindFileKey", "ListBases", "RemoveBase", "GetStatus",
        "ReportEvents", "FinalizeStream"}) {
    std::string answer;
    const grpc::Status status =
        Ask(channel, absl::StrCat("/btfd.v1.Btfd/", method), "", &answer);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED)
        << method;
    EXPECT_THAT(status.error_message(),
                HasSubstr(absl::StrCat(method,
                                       " is not offered over the "
                                       "network")));
  }
  EXPECT_EQ(remote->Count("listen_refused"), 7u);
  EXPECT_EQ(remote->Count("listen_requests"), 1u);
}

TEST_F(Door, AFileKeyOfAnotherMachineIsRefused) {
  const int port = FreePort();
  const auto remote = StartRemote(port);
  const auto stub = v1::Btfd::NewStub(Connect(port, "builder"));
  v1::FileKey key;
  key.set_boot_id("another");
  {
    Upload upload(stub.get());
    v1::AddBaseRequest part;
    part.mutable_header()->set_digest(Digest(base_));
    part.mutable_header()->set_size(base_.size());
    *part.mutable_header()->mutable_file_key() = key;
    upload.writer->Write(part);
    EXPECT_TRUE(upload.Finish(base_).ok());
    EXPECT_EQ(upload.response.outcome(), v1::BAD_REQUEST);
    EXPECT_THAT(upload.response.message(),
                HasSubstr("a file key is of one machine"));
  }
  request_.mutable_base()->clear_digest();
  *request_.mutable_base()->mutable_file_key() = key;
  grpc::ClientContext context;
  SetDeadline(&context);
  v1::FinalizeResponse response;
  EXPECT_TRUE(stub->Finalize(&context, request_, &response).ok());
  EXPECT_EQ(response.outcome(), v1::BAD_REQUEST);
  EXPECT_THAT(response.message(), HasSubstr("a file key is of one machine"));
  EXPECT_EQ(remote->Bases(), 0u);
}

TEST_F(Door, ABaseBringsTheFirstRequestAlong) {
  const int port = FreePort();
  const auto remote = StartRemote(port);
  const auto stub = v1::Btfd::NewStub(Connect(port, "builder"));
  for (const bool known : {false, true}) {
    Upload upload(stub.get());
    v1::AddBaseRequest part;
    part.mutable_header()->set_digest(Digest(base_));
    part.mutable_header()->set_size(base_.size());
    *part.mutable_header()->mutable_finalize() = request_;
    upload.writer->Write(part);
    const grpc::Status status = upload.Finish(base_);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(upload.response.outcome(), v1::OK) << upload.response.message();
    EXPECT_EQ(upload.response.already_known(), known);
    EXPECT_EQ(upload.response.finalized().outcome(), v1::OK)
        << upload.response.finalized().message();
    EXPECT_EQ(upload.response.finalized().cached(), known);
    EXPECT_NE(upload.response.finalized().engine_version(), 0u);
  }
}

TEST_F(Door, AResultIsFoundByDigestOnlyIfItIsThere) {
  const int port = FreePort();
  const auto remote = StartRemote(port);
  const auto stub = v1::Btfd::NewStub(Connect(port, "builder"));
  v1::GreetResponse greeting;
  {
    grpc::ClientContext context;
    SetDeadline(&context);
    ASSERT_TRUE(stub->Greet(&context, {}, &greeting).ok());
  }
  v1::FindResultRequest query;
  query.set_engine_version(greeting.engine_version());
  query.set_base_digest(Digest(base_));
  *query.mutable_steps() = request_.steps();
  query.mutable_btf()->set_digest(Digest(request_.btf()));
  query.mutable_btf()->set_size(request_.btf().size());
  const auto find = [&] {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::FinalizeResponse response;
    const grpc::Status status = stub->FindResult(&context, query, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  };
  EXPECT_EQ(find().outcome(), v1::RESULT_UNKNOWN);

  Upload upload(stub.get());
  ASSERT_TRUE(upload.Begin(base_));
  ASSERT_TRUE(upload.Finish(base_).ok());
  grpc::ClientContext context;
  SetDeadline(&context);
  v1::FinalizeResponse made;
  ASSERT_TRUE(stub->Finalize(&context, request_, &made).ok());
  ASSERT_EQ(made.outcome(), v1::OK) << made.message();

  const v1::FinalizeResponse found = find();
  EXPECT_EQ(found.outcome(), v1::OK);
  EXPECT_TRUE(found.cached());
  EXPECT_EQ(found.btf(), made.btf());
  // A result of another version of the engine must not be given to any client.
  query.set_engine_version(greeting.engine_version() + 1);
  EXPECT_EQ(find().outcome(), v1::RESULT_UNKNOWN);
}

TEST_F(Door, OneClientTakesNotMoreThanItsShare) {
  Issue(&authority_, "another");
  const int port = FreePort();
  const auto remote = StartRemote(port, {"BTFD_MAX_CLIENT_REQUESTS=1"});
  const auto stub = v1::Btfd::NewStub(Connect(port, "builder"));
  Upload upload(stub.get());
  ASSERT_TRUE(upload.Begin(base_));
  Await([&] { return remote->Count("listen_requests") == 1; },
        "the upload is in flight");

  // The same client over another connection.
  const auto same = v1::Btfd::NewStub(Connect(port, "builder"));
  {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::FinalizeResponse response;
    const grpc::Status status = same->Finalize(&context, request_, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_THAT(status.error_message(),
                HasSubstr("builder has 1 requests with"));
    EXPECT_THAT(status.error_message(), HasSubstr("max_client_requests"));
  }
  const auto other = v1::Btfd::NewStub(Connect(port, "another"));
  {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::FinalizeResponse response;
    const grpc::Status status = other->Finalize(&context, request_, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.outcome(), v1::BASE_UNKNOWN);
  }
  EXPECT_TRUE(upload.Finish(base_).ok());
  EXPECT_EQ(remote->Count("listen_limited"), 1u);
}

TEST_F(Door, BalancersWithACertificateSeeHealthAndReflection) {
  const int port = FreePort();
  const auto remote = StartRemote(port);
  const auto channel = Connect(port, "builder");
  std::string health, services;
  EXPECT_TRUE(Ask(channel, kCheckHealth, "", &health).ok());
  EXPECT_EQ(health, kServing);
  EXPECT_TRUE(Ask(channel, kReflect, kListServices, &services).ok());
  EXPECT_THAT(services, HasSubstr("btfd.v1.Btfd"));
}

TEST_F(Door, BalancersWithoutACertificateSeeHealthAtAPortOfItsOwn) {
  const int port = FreePort(), health_port = FreePort();
  const auto remote = StartRemote(
      port, {absl::StrCat("BTFD_HEALTH_LISTEN=127.0.0.1:", health_port)});
  const auto channel =
      grpc::CreateChannel(absl::StrCat("127.0.0.1:", health_port),
                          grpc::InsecureChannelCredentials());
  std::string answer;
  EXPECT_TRUE(Ask(channel, kCheckHealth, "", &answer).ok());
  EXPECT_EQ(answer, kServing);
  EXPECT_TRUE(Ask(channel, kReflect, kListServices, &answer).ok());
  EXPECT_THAT(answer, Not(HasSubstr("btfd.v1.Btfd")));
  EXPECT_EQ(Ask(channel, "/btfd.v1.Btfd/Greet", "", &answer).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(Door, WhoWatchesHealthIsLeftInPeaceAndToldOfTheEnd) {
  const int port = FreePort();
  const auto remote = StartRemote(port, {"BTFD_STALL_TIMEOUT=1s"});
  grpc::GenericStub stub(Connect(port, "builder"));
  grpc::ClientContext context;
  SetDeadline(&context);
  grpc::CompletionQueue queue;
  const auto next = [&queue] {
    void* tag;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto call =
      stub.PrepareCall(&context, "/grpc.health.v1.Health/Watch", &queue);
  call->StartCall(nullptr);
  ASSERT_TRUE(next());
  const grpc::Slice all_services("");
  call->WriteLast(grpc::ByteBuffer(&all_services, 1), grpc::WriteOptions(),
                  nullptr);
  ASSERT_TRUE(next());
  grpc::ByteBuffer health;
  call->Read(&health, nullptr);
  ASSERT_TRUE(next());
  EXPECT_EQ(TextOf(health), kServing);
  call->Read(&health, nullptr);
  absl::SleepFor(absl::Seconds(2));
  EXPECT_EQ(remote->Count("calls_stalled"), 0u);

  EXPECT_EQ(remote->Client({"stop"}).exit_code, 0);
  ASSERT_TRUE(next());
  EXPECT_EQ(TextOf(health), kNotServing);
  context.TryCancel();
  grpc::Status status;
  call->Finish(&status, nullptr);
  next();
}

TEST_F(Door, ARenewedCertificateIsShownWithoutARestart) {
  const int port = FreePort();
  CertificateSubject elsewhere;
  elsewhere.dns_names = {"elsewhere.example"};
  Issue(&authority_, "renewed", elsewhere);
  const auto remote =
      StartRemote(port, {"BTFD_TLS_CERTIFICATE=" + File("renewed.crt"),
                         "BTFD_TLS_KEY=" + File("renewed.key")});
  const auto greet = [&] {
    const auto stub = v1::Btfd::NewStub(Connect(port, "builder"));
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::GreetResponse response;
    return stub->Greet(&context, {}, &response).ok();
  };
  EXPECT_FALSE(greet());
  CertificateSubject here;
  here.addresses = {"127.0.0.1"};
  Issue(&authority_, "renewed", here);
  Await(greet, "the new certificate is shown");
}

// The daemon ignores the wrong setting, and serves its own machine.
TEST_F(Door, BeyondLoopbackAPlainSocketIsRefusedInClearWords) {
  const int port = FreePort();
  FarmDaemon open({absl::StrCat("BTFD_LISTEN=0.0.0.0:", port)});
  EXPECT_EQ(open.Client({"start"}).exit_code, 0);
  EXPECT_THAT(open.Log(),
              HasSubstr("beyond loopback this needs tls_certificate, tls_key "
                        "and tls_client_ca"));
  const auto stub = v1::Btfd::NewStub(grpc::CreateChannel(
      absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  SetDeadline(&context);
  v1::GreetResponse response;
  EXPECT_EQ(stub->Greet(&context, {}, &response).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  FarmDaemon told({absl::StrCat("BTFD_LISTEN=0.0.0.0:", FreePort()),
                   "BTFD_LISTEN_INSECURE=yes-anyone-may-connect"});
  told.Start();
  EXPECT_THAT(told.Log(), HasSubstr("in the clear: whoever reaches it may "
                                    "connect"));
}

TEST_F(Door, APortThatIsTakenIsSaidSo) {
  const int port = FreePort();
  const auto remote = StartRemote(port);
  FarmDaemon second({absl::StrCat("BTFD_LISTEN=127.0.0.1:", port)});
  second.Client({"start"});
  // gRPC prints a line before this one.
  const std::string words = absl::StrCat("cannot listen at 127.0.0.1:", port);
  Await([&] { return absl::StrContains(second.Log(), words); }, "it is said");
}

}  // namespace
}  // namespace btfd::tests
