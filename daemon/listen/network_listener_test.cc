// SPDX-License-Identifier: Apache-2.0
//
// Tests at which addresses the daemon listens, and with which credentials.
// tests/farm makes real connections.
#include "daemon/listen/network_listener.h"

#include <string>

#include "daemon/listen/key_files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/certificates.h"
#include "tests/support/process.h"

namespace btfd::daemon {
namespace {

using ::testing::HasSubstr;

class NetworkListener : public ::testing::Test {
 protected:
  NetworkListener() {
    authority_.Issue({}).WriteTo(files_.path(), "server");
    authority_.Issue({}).WriteTo(files_.path(), "other");
    tests::WriteFile(files_.file("ca.crt"), authority_.pem());
  }

  // Sets the options that TLS with client certificates needs.
  void UseTls() {
    options_.tls_certificate = files_.file("server.crt");
    options_.tls_key = files_.file("server.key");
    options_.tls_client_ca = files_.file("ca.crt");
  }
  void ExpectRefused(const std::string& words) const {
    const absl::Status status = CheckNetworkListener(options_);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(status.message(), HasSubstr(words));
  }
  void ExpectOpened() const {
    EXPECT_EQ(CheckNetworkListener(options_), absl::OkStatus());
  }

  tests::CertificateAuthority authority_;
  tests::ScratchDir files_;
  Options options_;
};

TEST_F(NetworkListener, IsShutUnlessAskedFor) { ExpectOpened(); }

TEST_F(NetworkListener, IsOpenInTheClearOnLoopback) {
  for (const char* address : {"127.0.0.1:1", "localhost:65535", "[::1]:1"}) {
    options_.listen = address;
    ExpectOpened();
  }
  EXPECT_THAT(DescribeNetworkListener(options_),
              HasSubstr("[::1]:1, in the clear: whoever reaches it"));
}

TEST_F(NetworkListener, NeedsClientCertificatesBeyondLoopback) {
  for (const char* address :
       {"0.0.0.0:1", "[::]:1", "192.0.2.1:1", "builder.example:1"}) {
    options_.listen = address;
    ExpectRefused(
        "beyond loopback this needs tls_certificate, tls_key and "
        "tls_client_ca");
  }
  UseTls();
  ExpectOpened();
  EXPECT_THAT(DescribeNetworkListener(options_),
              HasSubstr("TLS with client certificates"));
  // The daemon's own certificate is not enough,
  options_.tls_client_ca = "";
  ExpectRefused("listen_insecure = yes-anyone-may-connect");
  // unless the user says that it is.
  options_.listen_insecure = true;
  ExpectOpened();
  EXPECT_THAT(DescribeNetworkListener(options_),
              HasSubstr("TLS without client certificates"));
  options_.tls_certificate = options_.tls_key = "";
  ExpectOpened();
}

TEST_F(NetworkListener, HasAnAddressWithAPort) {
  for (const char* address : {"4433", ":4433", "host", "host:0", "host:70000",
                              "::1:4433", "http://host:1"}) {
    options_.listen = address;
    ExpectRefused(std::string("listen = ") + address + ": must be HOST:PORT");
  }
  options_.listen = "";
  options_.health_listen = "here";
  ExpectRefused("health_listen = here: must be HOST:PORT");
}

TEST_F(NetworkListener, TakesOnlyFilesThatFitTogether) {
  options_.listen = "0.0.0.0:1";
  UseTls();
  options_.tls_key = "";
  ExpectRefused("tls_certificate and tls_key go together");
  options_.tls_key = files_.file("other.key");
  ExpectRefused("is not the key of " + files_.file("server.crt"));
  options_.tls_key = files_.file("server.crt");
  ExpectRefused("tls_key = " + files_.file("server.crt") +
                ": holds no private key in PEM");
  options_.tls_key = files_.file("none");
  ExpectRefused("tls_key = " + files_.file("none"));

  UseTls();
  options_.tls_certificate = files_.file("server.key");
  ExpectRefused("holds no certificate in PEM");
  UseTls();
  options_.tls_client_ca = files_.file("server.key");
  ExpectRefused("tls_client_ca = " + files_.file("server.key"));
  UseTls();
  options_.tls_certificate = options_.tls_key = "";
  ExpectRefused("tls_client_ca needs tls_certificate and tls_key");
}

}  // namespace
}  // namespace btfd::daemon
