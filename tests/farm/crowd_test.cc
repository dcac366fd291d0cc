// SPDX-License-Identifier: Apache-2.0
//
// Measures what open connections cost a daemon that listens: memory,
// descriptors, and the time that a request waits meanwhile. Run by hand: it
// prints the numbers in FARM.md, and expects only that every client is served.
#include <grpcpp/grpcpp.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "daemon/tls/client_credentials.h"
#include "proto/btfd.grpc.pb.h"
#include "tests/farm/farm.h"
#include "tests/support/json.h"

namespace btfd::tests {
namespace {

constexpr size_t kCalls = 300;

class CrowdTest : public FarmTest {
 protected:
  std::unique_ptr<v1::Btfd::Stub> Connect() const {
    daemon::tls::ClientFiles files;
    files.ca = File("ca.crt");
    files.certificate = File("builder.crt");
    files.key = File("builder.key");
    const auto credentials = daemon::tls::TlsChannelCredentials(files);
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    // Each client has a connection of its own, as clients on other hosts have.
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return v1::Btfd::NewStub(grpc::CreateCustomChannel(
        absl::StrCat("127.0.0.1:", port_), *credentials, arguments));
  }

  static void Ask(v1::Btfd::Stub* stub) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(60));
    v1::FindResultRequest request;
    v1::FinalizeResponse response;
    const grpc::Status status = stub->FindResult(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  void Measure(size_t connections, v1::Btfd::Stub* stub) const {
    std::vector<double> ms;
    for (size_t i = 0; i < kCalls; ++i) {
      const absl::Time start = absl::Now();
      Ask(stub);
      ms.push_back(absl::ToDoubleMilliseconds(absl::Now() - start));
    }
    std::sort(ms.begin(), ms.end());
    const std::string process = absl::StrCat("/proc/", pid_);
    const auto open =
        std::distance(std::filesystem::directory_iterator(process + "/fd"), {});
    printf(
        "%4zu connections: %6.1f MiB, %4td descriptors, a request %.2f ms "
        "(median), %.2f ms (of 100 the slowest)\n",
        connections, ResidentMiB(process), open, ms[kCalls / 2],
        ms[kCalls * 99 / 100]);
  }

  static double ResidentMiB(const std::string& process) {
    std::ifstream status(process + "/status");
    std::string word;
    while (status >> word && word != "VmRSS:") {
    }
    double kib = 0;
    status >> kib;
    return kib / 1024;
  }

  const int port_ = FreePort();
  int pid_ = 0;
};

TEST_F(CrowdTest, AThousandConnectionsAreServed) {
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  const auto remote = StartRemote(port_);
  const std::string status = remote->Client({"status", "--json"}).out;
  pid_ = static_cast<int>(JsonNumberAt(status, "pid"));
  ASSERT_NE(pid_, 0) << status;

  std::vector<std::unique_ptr<v1::Btfd::Stub>> crowd;
  for (const size_t connections : {1, 10, 100, 1000}) {
    const absl::Time start = absl::Now();
    const size_t before = crowd.size();
    while (crowd.size() < connections) {
      crowd.push_back(Connect());
      Ask(crowd.back().get());
    }
    printf("%.2f ms to connect\n",
           absl::ToDoubleMilliseconds(absl::Now() - start) /
               static_cast<double>(connections - before));
    Measure(connections, crowd[0].get());
  }
}

}  // namespace
}  // namespace btfd::tests
