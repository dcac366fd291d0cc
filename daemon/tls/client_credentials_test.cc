// SPDX-License-Identifier: Apache-2.0
#include "daemon/tls/client_credentials.h"

#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "daemon/tls/token_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/certificates.h"

namespace btfd::daemon::tls {
namespace {

using ::testing::HasSubstr;

std::string Scratch() {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::string directory = absl::StrCat(
      ::testing::TempDir(), "/", test->test_suite_name(), ".", test->name());
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  return directory;
}

TEST(Endpoint, NamesHostPortAndWhetherItIsTls) {
  const auto plain = ParseEndpoint("grpc://cache.example:8980");
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_FALSE(plain->secure);
  EXPECT_FALSE(plain->loopback);
  EXPECT_EQ(plain->target, "cache.example:8980");
  const auto secure = ParseEndpoint("grpcs://[2001:db8::1]:443");
  ASSERT_TRUE(secure.ok()) << secure.status();
  EXPECT_TRUE(secure->secure);
  EXPECT_EQ(secure->target, "[2001:db8::1]:443");
}

TEST(Endpoint, KnowsWhatStaysOnThisMachine) {
  for (const char* text : {"grpc://localhost:1", "grpc://127.0.0.1:1",
                           "grpc://127.8.0.1:1", "grpc://[::1]:1"}) {
    EXPECT_TRUE(ParseEndpoint(text)->loopback) << text;
  }
  for (const char* text : {"grpc://127.evil.example:1", "grpc://10.0.0.1:1"}) {
    EXPECT_FALSE(ParseEndpoint(text)->loopback) << text;
  }
}

TEST(Endpoint, OtherFormsAreRefusedByName) {
  for (const char* text :
       {"", "cache:80", "http://cache:80", "grpc://cache", "grpc://:80",
        "grpc://cache:0", "grpc://cache:65536", "grpc://a/b:80",
        "grpc://::1:80", "grpc://user@cache:80"}) {
    const auto endpoint = ParseEndpoint(text);
    EXPECT_EQ(endpoint.status().code(), absl::StatusCode::kInvalidArgument)
        << text;
    EXPECT_THAT(endpoint.status().message(),
                HasSubstr(absl::StrCat("grpcs://HOST:PORT: ", text)));
  }
}

TEST(ClientCredentials, FilesThatAreMissingOrNoPemAreNamed) {
  const std::string directory = Scratch();
  ClientFiles files;
  files.ca = directory + "/absent.crt";
  EXPECT_THAT(TlsChannelCredentials(files).status().message(),
              HasSubstr("CA file: " + files.ca));
  std::ofstream(files.ca) << "nothing of the kind";
  EXPECT_THAT(TlsChannelCredentials(files).status().message(),
              HasSubstr("holds no PEM"));
}

TEST(ClientCredentials, ACertificateWithoutItsKeyIsRefused) {
  ClientFiles files;
  files.certificate = "x.crt";
  EXPECT_THAT(TlsChannelCredentials(files).status().message(),
              HasSubstr("only one is named"));
}

class Handshake : public ::testing::Test {
 protected:
  Handshake() : directory_(Scratch()) {
    std::ofstream(directory_ + "/ca.crt") << authority_.pem();
    tests::CertificateSubject client;
    client.name = "builder";
    authority_.Issue(client).WriteTo(directory_, "client");
    files_.ca = directory_ + "/ca.crt";
    files_.certificate = directory_ + "/client.crt";
    files_.key = directory_ + "/client.key";
  }

  // Starts a server whose certificate is for 127.0.0.1, or as `subject` says.
  // It accepts only clients of its own authority.
  void Serve(const tests::CertificateSubject& subject) {
    const tests::Certificate certificate = authority_.Issue(subject);
    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = authority_.pem();
    options.pem_key_cert_pairs.push_back(
        {certificate.key, certificate.certificate});
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(options),
                             &port_);
    server_ = builder.BuildAndStart();
  }

  bool Connects() {
    const auto credentials = TlsChannelCredentials(files_);
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    const auto channel =
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", port_), *credentials);
    // gRPC repeats a refused handshake until this returns false.
    return channel->WaitForConnected(std::chrono::system_clock::now() + limit_);
  }

  const std::string directory_;
  tests::CertificateAuthority authority_;
  ClientFiles files_;
  int port_ = 0;
  std::chrono::seconds limit_{20};
  std::unique_ptr<grpc::Server> server_;
};

tests::CertificateSubject LocalServer() {
  tests::CertificateSubject subject;
  subject.addresses = {"127.0.0.1"};
  return subject;
}

TEST_F(Handshake, BothSidesOfOneAuthorityMeet) {
  Serve(LocalServer());
  EXPECT_TRUE(Connects());
}

TEST_F(Handshake, AServerOfAnotherAuthorityIsNotTrusted) {
  Serve(LocalServer());
  std::ofstream(files_.ca) << tests::CertificateAuthority("another").pem();
  limit_ = std::chrono::seconds(1);
  EXPECT_FALSE(Connects());
}

TEST_F(Handshake, ACertificateForAnotherHostIsNotTrusted) {
  tests::CertificateSubject other;
  other.dns_names = {"other.example"};
  Serve(other);
  limit_ = std::chrono::seconds(1);
  EXPECT_FALSE(Connects());
}

TEST_F(Handshake, AnExpiredServerIsNotTrusted) {
  tests::CertificateSubject expired = LocalServer();
  expired.begins = -7200;
  expired.ends = -3600;
  Serve(expired);
  limit_ = std::chrono::seconds(1);
  EXPECT_FALSE(Connects());
}

TEST(TokenFile, TheTokenIsOneLineOfTheFile) {
  const std::string path = Scratch() + "/token";
  std::ofstream(path) << "s3cret\n";
  TokenFile token(path);
  const auto value = token.Authorization();
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(*value, "Bearer s3cret");
}

TEST(TokenFile, WhatIsNoTokenIsNotShownInTheError) {
  const std::string path = Scratch() + "/token";
  std::ofstream(path) << "two words\n";
  TokenFile token(path);
  const absl::Status status = token.Authorization().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr(path + ": not a token"));
  EXPECT_THAT(status.message(), ::testing::Not(HasSubstr("words")));
}

TEST(TokenFile, AMissingFileIsNamedAndFoundOnceItIsThere) {
  const std::string path = Scratch() + "/token";
  TokenFile token(path);
  EXPECT_THAT(token.Authorization().status().message(), HasSubstr(path));
  std::ofstream(path) << "late";
  while (!token.Authorization().ok()) absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(*token.Authorization(), "Bearer late");
}

TEST(TokenFile, ARenewedTokenIsNoticed) {
  const std::string path = Scratch() + "/token";
  std::ofstream(path) << "first";
  TokenFile token(path);
  ASSERT_EQ(*token.Authorization(), "Bearer first");
  std::ofstream(path + ".new") << "second";
  ASSERT_EQ(rename((path + ".new").c_str(), path.c_str()), 0);
  while (*token.Authorization() == "Bearer first") {
    absl::SleepFor(absl::Milliseconds(50));
  }
  EXPECT_EQ(*token.Authorization(), "Bearer second");
}

}  // namespace
}  // namespace btfd::daemon::tls
