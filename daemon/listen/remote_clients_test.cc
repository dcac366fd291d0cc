// SPDX-License-Identifier: Apache-2.0
#include "daemon/listen/remote_clients.h"

#include <optional>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/btfd.pb.h"

namespace btfd::daemon {
namespace {

using store::Counter;
using ::testing::HasSubstr;

TEST(RemoteClients, WhoIsOfThisMachineIsNotAsked) {
  store::Counters counters;
  RemoteClients remote_clients(1, 1, &counters);
  const auto one = remote_clients.Admit("", "Shutdown", 100);
  const auto two = remote_clients.Admit("", "Finalize", 100);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_FALSE(one->is_remote());
  EXPECT_EQ(counters.Get(Counter::kListenRequests), 0u);
}

// A new method is refused until somebody decides about it.
TEST(RemoteClients, OnlyWhatOtherDaemonsNeedIsForRemoteClients) {
  store::Counters counters;
  RemoteClients remote_clients(0, 0, &counters);
  const google::protobuf::ServiceDescriptor* service =
      v1::GreetRequest::descriptor()->file()->FindServiceByName("Btfd");
  std::set<std::string> offered;
  for (int i = 0; i < service->method_count(); ++i) {
    const std::string name = service->method(i)->name();
    const auto pass = remote_clients.Admit("builder", name, 0);
    if (pass.ok()) {
      EXPECT_TRUE(pass->is_remote());
      offered.insert(name);
      continue;
    }
    EXPECT_EQ(pass.status().code(), absl::StatusCode::kPermissionDenied);
    EXPECT_THAT(pass.status().message(),
                HasSubstr(name + " is not offered over the network"));
  }
  EXPECT_THAT(offered,
              ::testing::UnorderedElementsAre("Greet", "Finalize", "FindResult",
                                              "AddBase", "ReadBase"));
  EXPECT_EQ(counters.Get(Counter::kListenRefused),
            service->method_count() - offered.size());
}

TEST(RemoteClients, OneClientHasSoManyRequestsInFlight) {
  store::Counters counters;
  RemoteClients remote_clients(2, 0, &counters);
  auto one = remote_clients.Admit("a", "Finalize", 5);
  std::optional<RemoteClients::Pass> two =
      *remote_clients.Admit("a", "Finalize", 6);
  const auto three = remote_clients.Admit("a", "Finalize", 1);
  EXPECT_EQ(three.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(three.status().message(),
              HasSubstr("a has 2 requests with 11 bytes in flight; at most 2 "
                        "requests (max_client_requests) are taken"));
  EXPECT_EQ(counters.Get(Counter::kListenLimited), 1u);
  // The other clients still have room,
  EXPECT_TRUE(remote_clients.Admit("b", "Finalize", 1).ok());
  // and this client has, too, when one of its calls ends.
  two.reset();
  EXPECT_TRUE(remote_clients.Admit("a", "Finalize", 1).ok());
}

TEST(RemoteClients, OneClientHasSoManyBytesInFlightButOneRequestAlways) {
  store::Counters counters;
  RemoteClients remote_clients(0, 10, &counters);
  {
    const auto large = remote_clients.Admit("a", "Finalize", 1000);
    EXPECT_TRUE(large.ok());
    EXPECT_THAT(remote_clients.Admit("a", "Finalize", 1).status().message(),
                HasSubstr("at most 10 bytes (max_client_bytes) are taken"));
  }
  const auto small = remote_clients.Admit("a", "Finalize", 4);
  EXPECT_TRUE(remote_clients.Admit("a", "Finalize", 6).ok());
  EXPECT_FALSE(remote_clients.Admit("a", "Finalize", 7).ok());
}

}  // namespace
}  // namespace btfd::daemon
