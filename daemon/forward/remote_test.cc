// SPDX-License-Identifier: Apache-2.0
#include "daemon/forward/remote.h"

#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Targets(const std::string& server) {
  const auto endpoints = ParseServer(server);
  EXPECT_TRUE(endpoints.ok()) << endpoints.status();
  std::vector<std::string> targets;
  for (const tls::Endpoint& endpoint : *endpoints) {
    targets.push_back((endpoint.secure ? "tls " : "") + endpoint.target);
  }
  return targets;
}

TEST(ParseServer, TakesAListOrAName) {
  EXPECT_THAT(Targets("grpcs://a.example:1"), ElementsAre("tls a.example:1"));
  EXPECT_THAT(Targets("grpcs://a:1,192.0.2.1:2,[::1]:3"),
              ElementsAre("tls a:1", "tls 192.0.2.1:2", "tls [::1]:3"));
  EXPECT_THAT(Targets("grpc://localhost:1"), ElementsAre("localhost:1"));
  EXPECT_THAT(Targets("dns:///farm.example:1"),
              ElementsAre("tls dns:///farm.example:1"));
}

TEST(ParseServer, SaysWhatItMustBe) {
  for (const std::string server :
       {"", "farm.example:1", "http://a:1", "grpcs://", "grpcs://a",
        "grpcs://a:1,", "grpcs://a:1,grpcs://b:2", "dns://a:1",
        "grpcs://a:0"}) {
    const auto endpoints = ParseServer(server);
    EXPECT_EQ(endpoints.status().code(), absl::StatusCode::kInvalidArgument)
        << server;
    EXPECT_THAT(endpoints.status().message(),
                HasSubstr("server = " + server +
                          ": must be grpcs://HOST:PORT[,HOST:PORT]"));
  }
}

TEST(Remote, RestsLongerEachTimeItFailsAndNotAtAllOnceItWorks) {
  Remote remote(ParseServer("grpc://127.0.0.1:1")->front(),
                grpc::InsecureChannelCredentials());
  const absl::Time start = absl::Now();
  EXPECT_FALSE(remote.resting(start));
  EXPECT_TRUE(remote.Failed(start)) << "the first time is news";
  EXPECT_FALSE(remote.Failed(start)) << "what fails with it is not";
  EXPECT_TRUE(remote.resting(start + absl::Milliseconds(999)));
  EXPECT_FALSE(remote.resting(start + absl::Seconds(1)));

  const absl::Time again = start + absl::Seconds(1);
  EXPECT_FALSE(remote.Failed(again));
  EXPECT_TRUE(remote.resting(again + absl::Milliseconds(1999)));
  EXPECT_FALSE(remote.resting(again + absl::Seconds(2)));
  absl::Time now = again;
  for (int i = 0; i < 10; ++i) {
    now += absl::Minutes(1);
    remote.Failed(now);
  }
  EXPECT_FALSE(remote.resting(now + absl::Seconds(10))) << "it has an end";

  EXPECT_TRUE(remote.Worked());
  EXPECT_FALSE(remote.Worked());
  EXPECT_FALSE(remote.resting(now));
  remote.Failed(now);
  EXPECT_FALSE(remote.resting(now + absl::Seconds(1)));
}

TEST(Remote, IsNotWaitedForWhereNobodyListens) {
  Remote remote(ParseServer("grpc://127.0.0.1:1")->front(),
                grpc::InsecureChannelCredentials());
  EXPECT_FALSE(remote.Connect(absl::Now() + absl::Seconds(30)));
}

}  // namespace
}  // namespace btfd::daemon
