// SPDX-License-Identifier: Apache-2.0
//
// Tests the life of the real daemon: how it starts, whom it serves, and how it
// ends.
#include <arpa/inet.h>
#include <netinet/in.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/testing/lifecycle_test_util.h"
#include "gmock/gmock.h"

namespace btfd::daemon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Starting.

TEST_F(LifecycleTest, TheStarterComesBackWhenTheSocketListens) {
  ASSERT_EQ(Wait(Spawn({})), 0);
  const pid_t daemon = Connect().Greet();
  ASSERT_GT(daemon, 0);
  running_.insert(daemon);
  struct stat info;
  ASSERT_EQ(lstat(socket_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(lstat(log_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(ReadAll(root_ + "/err"), "");
  kill(daemon, SIGTERM);
  EXPECT_EQ(Wait(daemon), 0);
  EXPECT_FALSE(std::filesystem::exists(socket_));
}

TEST_F(LifecycleTest, OfSixtyFourStartersOneServes) {
  std::vector<pid_t> starters;
  for (int i = 0; i < 64; ++i) starters.push_back(Spawn({}));
  // Each starter ends when the daemon can be reached.
  for (const pid_t starter : starters) {
    EXPECT_EQ(Wait(starter), 0);
    EXPECT_TRUE(tests::ConnectTo(socket_));
  }
  const pid_t daemon = Connect().Greet();
  running_.insert(daemon);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(Connect().Greet(), daemon);
  EXPECT_EQ(ReadAll(root_ + "/err"), "");
  const std::vector<std::string> parts =
      absl::StrSplit(ReadAll(log_), " serves ");
  EXPECT_EQ(parts.size(), 2u) << "more than one daemon served";
}

TEST_F(LifecycleTest, NothingOfTheBuildIsInherited) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  tests::SpawnOptions options;
  options.environment = {"MAKEFLAGS= -j8 --jobserver-auth=3,4"};
  options.directory = root_;
  // A jobserver and `make | tee` leave such descriptors open, with low and high
  // numbers.
  options.in_child = [&](char**) {
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], 3);
    dup2(ends[1], 200);
  };
  EXPECT_EQ(Wait(Spawn({}, options)), 0);
  close(ends[1]);
  // The pipe ends with the starter, while the daemon goes on.
  char byte;
  EXPECT_EQ(read(ends[0], &byte, 1), 0);
  close(ends[0]);
  const pid_t daemon = Connect().Greet();
  ASSERT_GT(daemon, 0);
  running_.insert(daemon);

  EXPECT_NE(getsid(daemon), getsid(0));
  EXPECT_NE(getsid(daemon), daemon) << "a session's leader can get a terminal";
  const std::string proc = absl::StrCat("/proc/", daemon);
  EXPECT_EQ(std::filesystem::read_symlink(proc + "/cwd"), "/");
  EXPECT_EQ(std::filesystem::read_symlink(proc + "/fd/0"), "/dev/null");
  EXPECT_EQ(std::filesystem::read_symlink(proc + "/fd/1"), "/dev/null");
  EXPECT_EQ(std::filesystem::read_symlink(proc + "/fd/2"), log_);
  for (const auto& fd : std::filesystem::directory_iterator(proc + "/fd")) {
    EXPECT_THAT(std::filesystem::read_symlink(fd.path()).string(),
                Not(HasSubstr("pipe:")));
  }
}

TEST_F(LifecycleTest, ADaemonThatLosesItsSocketMakesRoomAtOnce) {
  const std::string elsewhere = root_ + "/elsewhere";
  const std::vector<std::function<void()>> ways = {
      [&] { std::filesystem::remove(socket_); },
      [&] { std::filesystem::rename(socket_, elsewhere); },
      [&] {
        std::ofstream(elsewhere) << "x";
        rename(elsewhere.c_str(), socket_.c_str());
        unlink(socket_.c_str());
      },
      [&] { std::filesystem::rename(directory_, root_ + "/old"); },
      [&] { std::filesystem::remove_all(directory_); },
  };
  for (size_t way = 0; way < ways.size(); ++way) {
    SCOPED_TRACE(way);
    const pid_t old = Start();
    ASSERT_GT(old, 0);
    ways[way]();
    const absl::Time start = absl::Now();
    // The old daemon ends by itself, and the next one need not wait for its
    // place.
    EXPECT_EQ(Wait(old, absl::Seconds(3)), 0);
    const pid_t next = Start();
    EXPECT_LT(absl::Now() - start, absl::Seconds(4));
    EXPECT_NE(next, old);
    kill(next, SIGTERM);
    EXPECT_EQ(Wait(next), 0);
  }
}

TEST_F(LifecycleTest, AWrongSettingOfTheUsersIsSaidAndDoneWithout) {
  std::filesystem::create_directories(root_ + "/config/btfd");
  std::ofstream(root_ + "/config/btfd/btfd.conf")
      << "threds = 2\nserver = nonsense://x\nlisten = 0.0.0.0:1\n";
  tests::SpawnOptions options;
  options.environment = {"BTFD_VERIFY_HITS=many"};
  const pid_t starter = Spawn({}, options);
  EXPECT_EQ(Wait(starter), 0);
  Client client = Connect();
  running_.insert(client.Greet());
  const SampleBtf btf;
  EXPECT_EQ(AddBase(&client, btf).outcome(), v1::OK);
  grpc::ClientContext status_context, context;
  v1::GetStatusResponse status;
  ASSERT_TRUE(client->GetStatus(&status_context, {}, &status).ok());
  v1::FinalizeResponse response;
  ASSERT_TRUE(client->Finalize(&context, RequestFor(btf), &response).ok());
  EXPECT_EQ(response.outcome(), v1::OK);
  const auto expected = ::testing::UnorderedElementsAre(
      HasSubstr("btfd.conf:1: no setting is called threds; similar: threads"),
      HasSubstr("BTFD_VERIFY_HITS = many: must be a whole number"),
      HasSubstr("server: "), HasSubstr("0.0.0.0:1"));
  EXPECT_THAT(response.complaints(), expected);
  EXPECT_THAT(status.complaints(), expected);
}

TEST_F(LifecycleTest, APortThatIsTakenIsSaidAndDoneWithout) {
  const util::UniqueFd other(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(other.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(other.get(), 1), 0);
  getsockname(other.get(), reinterpret_cast<sockaddr*>(&address), &size);
  const std::string port = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  tests::SpawnOptions options;
  options.environment = {"BTFD_LISTEN=" + port, "BTFD_HEALTH_LISTEN=" + port,
                         "BTFD_METRICS_LISTEN=" + port};
  EXPECT_EQ(Wait(Spawn({}, options)), 0);
  Client client = Connect();
  running_.insert(client.Greet());
  const SampleBtf btf;
  EXPECT_EQ(AddBase(&client, btf).outcome(), v1::OK);
  grpc::ClientContext context;
  v1::FinalizeResponse response;
  ASSERT_TRUE(client->Finalize(&context, RequestFor(btf), &response).ok());
  EXPECT_EQ(response.outcome(), v1::OK);
  EXPECT_THAT(response.complaints(),
              ::testing::UnorderedElementsAre(
                  AllOf(HasSubstr("health_listen"), HasSubstr(port)),
                  AllOf(HasSubstr("metrics_listen"), HasSubstr(port)),
                  HasSubstr("listen: cannot listen at " + port +
                            "; is another program there?; done without")));
  EXPECT_THAT(ReadAll(log_), HasSubstr("cannot listen at " + port));
  // A supervisor sees it end.
  EXPECT_EQ(Wait(Spawn({"--foreground", "--socket=" + root_ + "/other.sock"},
                       options)),
            1);
}

TEST_F(LifecycleTest, AStarterThatCannotSaysWhy) {
  std::filesystem::create_directory(directory_);
  chmod(directory_.c_str(), 0700);
  std::ofstream(socket_) << "no socket";
  EXPECT_EQ(Wait(Spawn({})), 1);
  EXPECT_EQ(Wait(Spawn({"--foreground"})), 1);
  EXPECT_EQ(Wait(Spawn({"--threads=0"})), 1);
  EXPECT_EQ(Wait(Spawn({"--no_such_option=0"})), 1);
  EXPECT_EQ(Wait(Spawn({"argument"})), 2);
  const std::string err = ReadAll(root_ + "/err");
  EXPECT_THAT(err,
              HasSubstr("btfd: " + socket_ + " is there and not a socket"));
  EXPECT_THAT(err, HasSubstr("btfd: --threads = 0: must be at least 1"));
  EXPECT_THAT(err, HasSubstr("no_such_option"));
  EXPECT_THAT(err, HasSubstr("takes no argument: argument"));
}

TEST_F(LifecycleTest, InTheForegroundItLogsToStderr) {
  const pid_t daemon = Spawn({"--foreground", "--log-level=info"});
  Await([&] { return static_cast<bool>(tests::ConnectTo(socket_)); }, "socket");
  EXPECT_EQ(Connect().Greet(), daemon);
  EXPECT_EQ(Wait(Spawn({"--foreground"})), 0)
      << "the second one leaves quietly";
  kill(daemon, SIGINT);
  EXPECT_EQ(Wait(daemon), 0);
  EXPECT_THAT(ReadAll(root_ + "/err"), HasSubstr("stopping: SIGINT"));
  EXPECT_FALSE(std::filesystem::exists(log_));
}

TEST_F(LifecycleTest, TheLogIsOpenedAnewOnSighup) {
  const pid_t daemon = Start();
  std::filesystem::rename(log_, log_ + ".1");
  kill(daemon, SIGHUP);
  Await([&] { return std::filesystem::exists(log_); }, "new log");
  Client client = Connect();
  AddBase(&client, SampleBtf());
  EXPECT_THAT(ReadAll(log_), HasSubstr("indexed: 2 types"));
}

TEST_F(LifecycleTest, AStoreThatCannotBeUsedIsNoReasonNotToServe) {
  std::ofstream(root_ + "/cache") << "a file where the directory goes";
  Start();
  Client client = Connect();
  const SampleBtf btf;
  EXPECT_THAT(AddBase(&client, btf), Ended(v1::OK, ""));
  EXPECT_THAT(client.Finalize(RequestFor(btf)), Ended(v1::OK, ""));
  grpc::ClientContext context;
  v1::GetStatusResponse status;
  client->GetStatus(&context, {}, &status);
  EXPECT_THAT(status.store(), HasSubstr("none: "));
}

// Supervisors.

TEST_F(LifecycleTest, ASocketOfSystemdIsServedAndLeft) {
  std::filesystem::create_directory(directory_);
  chmod(directory_.c_str(), 0700);
  util::UniqueFd listening(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(listening.get(), reinterpret_cast<sockaddr*>(&address),
                 sizeof(address)),
            0);
  ASSERT_EQ(listen(listening.get(), 10), 0);
  for (int run = 0; run < 2; ++run) {
    // The client connects before the daemon runs.
    Client client = Connect();
    tests::SpawnOptions options;
    options.environment = {"LISTEN_FDS=1", "LISTEN_PID=0000000000"};
    options.in_child = [&](char** environment) {
      // dup2() from another number: if it were 3 already, close-on-exec would
      // stay set.
      dup2(fcntl(listening.get(), F_DUPFD, 10), 3);
      tests::SetToOwnPid(environment, "LISTEN_PID");
    };
    const pid_t daemon = Spawn({}, options);
    EXPECT_EQ(client.Greet(), daemon);
    // A user who starts a daemon by hand finds that one runs.
    EXPECT_EQ(Wait(Spawn({})), 0);
    EXPECT_EQ(Connect().Greet(), daemon);
    kill(daemon, SIGTERM);
    EXPECT_EQ(Wait(daemon), 0);
    EXPECT_TRUE(std::filesystem::exists(socket_));
  }
}

// Ending.

TEST_F(LifecycleTest, SigtermLetsWorkInFlightEnd) {
  const pid_t daemon = Start();
  Client client = Connect();
  const SampleBtf btf;
  HeldUpload upload(&client, btf);
  kill(daemon, SIGTERM);
  AwaitNoSocket();
  // The socket is removed a moment before requests are refused.
  const absl::Time patience = absl::Now() + absl::Seconds(5);
  v1::FinalizeResponse answer;
  do {
    answer = client.Finalize(RequestFor(btf));
  } while (answer.outcome() == v1::BASE_UNKNOWN && absl::Now() < patience);
  EXPECT_THAT(answer, Ended(v1::DRAINING, "stopping"));
  // A new daemon takes the place while the old one finishes its work.
  const pid_t next = Start();
  EXPECT_NE(next, daemon);
  EXPECT_THAT(upload.Finish(), Ended(v1::OK, ""));
  EXPECT_EQ(Wait(daemon), 0);
  EXPECT_EQ(Connect().Greet(), next);
}

TEST_F(LifecycleTest, TheDrainIsBounded) {
  const pid_t daemon = Start({"--drain_timeout=0.2"});
  Client client = Connect();
  HeldUpload upload(&client, SampleBtf());
  const absl::Time start = absl::Now();
  kill(daemon, SIGTERM);
  EXPECT_EQ(Wait(daemon), 0);
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
  EXPECT_THAT(ReadAll(log_), HasSubstr("gave up on 1 requests"));
}

TEST_F(LifecycleTest, AClientCanStopIt) {
  const pid_t daemon = Start();
  Client client = Connect();
  grpc::ClientContext context;
  v1::ShutdownResponse response;
  ASSERT_TRUE(client->Shutdown(&context, {}, &response).ok());
  EXPECT_EQ(response.pid(), daemon);
  EXPECT_EQ(Wait(daemon), 0);
  EXPECT_FALSE(std::filesystem::exists(socket_));
}

TEST_F(LifecycleTest, WithNothingToDoItEndsButNeverInTheMiddleOfWork) {
  const pid_t daemon = Start({"--idle_exit=0.3"});
  {
    Client client = Connect();
    HeldUpload upload(&client, SampleBtf());
    EXPECT_EQ(Wait(daemon, absl::Seconds(1)), -1);
    EXPECT_THAT(upload.Finish(), Ended(v1::OK, ""));
  }
  EXPECT_EQ(Wait(daemon), 0);
  EXPECT_FALSE(std::filesystem::exists(socket_));
  EXPECT_THAT(ReadAll(log_), HasSubstr("stopping: nothing to do"));
}

TEST_F(LifecycleTest, AKilledDaemonIsReplacedAndItsBasesAreThere) {
  pid_t daemon = Start();
  const SampleBtf btf;
  v1::FinalizeRequest request = RequestFor(btf);
  request.set_bypass_cache(true);
  {
    Client client = Connect();
    EXPECT_THAT(client.Finalize(request), Ended(v1::BASE_UNKNOWN, ""));
    AddBase(&client, btf);
    // The base is stored in the background. After that it is listed with its
    // size in the store.
    Await(
        [&] {
          grpc::ClientContext context;
          v1::GetStatusResponse status;
          client->GetStatus(&context, {}, &status);
          return ReadAll(status.store() + "-wal").find("in_base_0") !=
                     std::string::npos ||
                 ReadAll(status.store()).find("in_base_0") != std::string::npos;
        },
        "base stored");
    absl::SleepFor(absl::Milliseconds(100));
  }
  kill(daemon, SIGKILL);
  EXPECT_EQ(Wait(daemon), 128 + SIGKILL);
  EXPECT_TRUE(std::filesystem::exists(socket_)) << "a stale one";

  daemon = Start();
  Client client = Connect();
  EXPECT_THAT(client.Finalize(request), Ended(v1::OK, ""));
  EXPECT_THAT(ReadAll(log_), HasSubstr("taken from the store"));
}

}  // namespace
}  // namespace btfd::daemon
