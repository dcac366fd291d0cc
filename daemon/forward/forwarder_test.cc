// SPDX-License-Identifier: Apache-2.0
//
// Tests calls that fail while the connection stays open, as happens behind a
// load balancer. Whole farms are tested in tests/farm.
#include "daemon/forward/forwarder.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "proto/btfd.grpc.pb.h"

namespace btfd::daemon {
namespace {

using store::Counter;

// A load balancer whose daemons die during the first calls that they get.
class Balancer final : public v1::Btfd::Service {
 public:
  grpc::Status Finalize(grpc::ServerContext*, const v1::FinalizeRequest*,
                        v1::FinalizeResponse* response) override {
    if (++calls <= failures) {
      return grpc::Status(grpc::StatusCode::INTERNAL, "RST_STREAM");
    }
    response->set_outcome(v1::OK);
    response->set_engine_version(1);
    return grpc::Status::OK;
  }
  std::atomic<int> calls{0};
  std::atomic<int> failures{0};
};

class ForwarderTest : public ::testing::Test {
 protected:
  ForwarderTest() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.RegisterService(&balancer_);
    server_ = builder.BuildAndStart();
    Forwarder::Settings settings;
    settings.server = "grpc://127.0.0.1:" + std::to_string(port);
    settings.timeout = absl::Seconds(60);
    settings.engine_version = 1;
    auto forwarder = Forwarder::Make(settings, &counters_, &log_);
    EXPECT_TRUE(forwarder.ok()) << forwarder.status();
    forwarder_ = *std::move(forwarder);
  }

  bool Finalize() {
    v1::FinalizeRequest request;
    Forwarder::Job job;
    job.request = &request;
    v1::FinalizeResponse response;
    return forwarder_->Finalize(job, util::CallDeadline(), &response);
  }

  Balancer balancer_;
  std::unique_ptr<grpc::Server> server_;
  store::Counters counters_;
  util::Log log_{util::LogLevel::kWarning};
  std::unique_ptr<Forwarder> forwarder_;
};

TEST_F(ForwarderTest, ACallThatFailsAloneIsRepeatedAndNobodyRests) {
  balancer_.failures = 1;
  EXPECT_TRUE(Finalize());
  EXPECT_EQ(balancer_.calls, 2);
  EXPECT_TRUE(Finalize());
  EXPECT_EQ(counters_.Get(Counter::kForwarded), 2);
  EXPECT_EQ(counters_.Get(Counter::kForwardFailures), 0);
}

TEST_F(ForwarderTest, WhatFailsTwiceIsLeftAloneForAWhile) {
  balancer_.failures = 1000;
  EXPECT_FALSE(Finalize());
  EXPECT_EQ(balancer_.calls, 2);
  EXPECT_FALSE(Finalize());
  EXPECT_EQ(balancer_.calls, 2) << "nobody is asked";
  EXPECT_EQ(counters_.Get(Counter::kForwardFailures), 1);
  EXPECT_EQ(counters_.Get(Counter::kForwardSkipped), 1);
}

}  // namespace
}  // namespace btfd::daemon
