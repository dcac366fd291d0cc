// SPDX-License-Identifier: Apache-2.0
//
// Runs the real daemon as a process, with all its files in a scratch directory,
// and clients that talk to it.
#ifndef BTFD_DAEMON_TESTING_LIFECYCLE_TEST_UTIL_H_
#define BTFD_DAEMON_TESTING_LIFECYCLE_TEST_UTIL_H_

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "daemon/testing/service_test_util.h"
#include "gtest/gtest.h"
#include "lib/util/file.h"
#include "proto/btfd.grpc.pb.h"
#include "tests/support/daemon_client.h"
#include "tests/support/process.h"

namespace btfd::daemon {

inline constexpr char kProgram[] = "daemon/btfd";  // in Bazel's runfiles
inline std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The tests' client for calls that must be answered.
class Client : public tests::DaemonClient {
 public:
  using DaemonClient::DaemonClient;
  v1::Btfd::Stub* operator->() { return stub(); }

  // Returns the process id of the daemon, or -1.
  pid_t Greet() {
    const absl::StatusOr<int> pid = DaemonClient::Greet();
    return pid.ok() ? *pid : -1;
  }
  v1::FinalizeResponse Finalize(const v1::FinalizeRequest& request) {
    const auto response = DaemonClient::Finalize(request, absl::Seconds(30));
    EXPECT_TRUE(response.ok()) << response.status();
    return response.value_or(v1::FinalizeResponse());
  }
  static void SetDeadline(grpc::ClientContext* context) {
    context->set_deadline(std::chrono::system_clock::now() +
                          std::chrono::seconds(30));
  }
};

// An upload that has begun and does not end: it keeps the daemon busy for as
// long as the test wants.
class HeldUpload {
 public:
  HeldUpload(Client* client, const SampleBtf& btf) : btf_(btf) {
    Client::SetDeadline(&context_);
    writer_ = (*client)->AddBase(&context_, &response_);
    v1::AddBaseRequest part;
    part.mutable_header()->set_digest(std::string(btf.digest().binary()));
    part.mutable_header()->set_size(btf.base_raw.size());
    writer_->Write(part);
    // The upload counts as in flight once the daemon has noticed it.
    v1::GetStatusResponse status;
    do {
      grpc::ClientContext context;
      (*client)->GetStatus(&context, {}, &status);
    } while (status.requests_in_flight() == 0);
  }
  v1::AddBaseResponse Finish() {
    v1::AddBaseRequest part;
    part.set_chunk(btf_.base_raw);
    writer_->Write(part);
    writer_->WritesDone();
    const grpc::Status status = writer_->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response_;
  }

 private:
  const SampleBtf btf_;
  grpc::ClientContext context_;
  v1::AddBaseResponse response_;
  std::unique_ptr<grpc::ClientWriter<v1::AddBaseRequest>> writer_;
};

class LifecycleTest : public ::testing::Test {
 protected:
  LifecycleTest() {
    // Daemons that have left their starter become our children, so that we can
    // wait for them.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    char name[] = "/tmp/btfd-life.XXXXXX";
    root_ = mkdtemp(name);
    directory_ = root_ + "/run";
    socket_ = directory_ + "/btfd-4.2.sock";
    log_ = directory_ + "/btfd-4.2.log";
  }
  ~LifecycleTest() override {
    for (const pid_t pid : running_) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
    if (HasFailure()) std::cerr << ReadAll(log_) << ReadAll(root_ + "/err");
    std::filesystem::remove_all(root_);
  }

  // Starts the program with this test's files.
  pid_t Spawn(std::vector<std::string> arguments,
              tests::SpawnOptions options = {}) {
    arguments.insert(arguments.begin(),
                     std::filesystem::absolute(kProgram).string());
    for (const std::string& entry : {"BTFD_RUNTIME_DIR=" + directory_,
                                     "XDG_CACHE_HOME=" + root_ + "/cache",
                                     "XDG_CONFIG_HOME=" + root_ + "/config"}) {
      options.environment.push_back(entry);
    }
    options.err = root_ + "/err";
    const pid_t pid = tests::Spawn(arguments, options);
    running_.insert(pid);
    return pid;
  }

  // Returns its exit code, or 128 + signal; -1 if it does not end in time.
  int Wait(pid_t pid, absl::Duration limit = absl::Seconds(60)) {
    const absl::Time give_up = absl::Now() + limit;
    int status = 0;
    while (waitpid(pid, &status, WNOHANG) == 0) {
      if (absl::Now() > give_up) return -1;
      absl::SleepFor(absl::Milliseconds(2));
    }
    running_.erase(pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  // Starts it as a client does, and returns the daemon's process id.
  pid_t Start(const std::vector<std::string>& options = {}) {
    EXPECT_EQ(Wait(Spawn(options)), 0);
    const pid_t daemon = Connect().Greet();
    if (daemon > 0) running_.insert(daemon);
    return daemon;
  }

  Client Connect() {
    util::UniqueFd fd = tests::ConnectTo(socket_);
    EXPECT_TRUE(fd) << socket_ << ": " << strerror(errno);
    return Client(std::move(fd));
  }

  // Waits until `so` is true; fails the test if that takes too long.
  static void Await(const std::function<bool()>& so, const char* what) {
    const absl::Time give_up = absl::Now() + absl::Seconds(30);
    while (!so()) {
      ASSERT_LT(absl::Now(), give_up) << "waited in vain: " << what;
      absl::SleepFor(absl::Milliseconds(2));
    }
  }
  void AwaitNoSocket() {
    Await([&] { return !std::filesystem::exists(socket_); }, "socket gone");
  }

  static v1::AddBaseResponse AddBase(Client* client, const SampleBtf& btf) {
    return HeldUpload(client, btf).Finish();
  }

  std::string root_, directory_, socket_, log_;
  std::set<pid_t> running_;
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_TESTING_LIFECYCLE_TEST_UTIL_H_
