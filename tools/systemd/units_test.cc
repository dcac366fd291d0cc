// SPDX-License-Identifier: Apache-2.0
//
// The user units against what they must agree with: the client's rule for the
// socket, and the daemon's command line. This test does what systemd does with
// them, for there may be none here.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "lib/util/file.h"
#include "lib/util/runtime_paths.h"
#include "tests/support/json.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"

namespace btfd {
namespace {

// The one value of `key` in a unit.
std::string Setting(const std::string& unit, const std::string& key) {
  const std::string text =
      tests::ReadFileOrEmpty(absl::StrCat("tools/systemd/", unit));
  std::vector<std::string> found;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StartsWith(line, key + "=")) {
      found.emplace_back(line.substr(key.size() + 1));
    }
  }
  EXPECT_EQ(found.size(), 1u) << unit << ": " << key;
  return found.empty() ? "" : found[0];
}

TEST(Units, SystemdListensWhereClientsLook) {
  EXPECT_EQ(absl::StrReplaceAll(Setting("btfd.socket", "ListenStream"),
                                {{"%t", "/run/user/1000"}}),
            util::RuntimePathsFor("/run/user/1000", 1000).socket);
  // Clients refuse a directory that is open to others.
  EXPECT_EQ(Setting("btfd.socket", "DirectoryMode"), "0700");
}

util::UniqueFd Listen(const std::string& path) {
  util::UniqueFd listening(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  EXPECT_EQ(bind(listening.get(), reinterpret_cast<sockaddr*>(&address),
                 sizeof(address)),
            0);
  EXPECT_EQ(listen(listening.get(), 10), 0);
  return listening;
}

TEST(Units, TheDaemonOfTheServiceServesClientsOfTheSocket) {
  const tests::Programs programs = tests::Programs::OfRunfiles();
  const tests::ScratchDir scratch("/tmp");
  const std::string socket = absl::StrReplaceAll(
      Setting("btfd.socket", "ListenStream"), {{"%t", scratch.path()}});
  const std::vector<std::string> command =
      absl::StrSplit(Setting("btfd.service", "ExecStart"), ' ');
  ASSERT_EQ(command[0], "/usr/bin/btfd");

  const auto directory = std::filesystem::path(socket).parent_path();
  ASSERT_EQ(mkdir(directory.c_str(), 0700), 0);
  const util::UniqueFd listening = Listen(socket);
  tests::SpawnOptions spawn;
  spawn.environment = {"LISTEN_FDS=1", "LISTEN_PID=0000000000",
                       "XDG_RUNTIME_DIR=" + scratch.path(),
                       "XDG_CACHE_HOME=" + scratch.file("cache"),
                       "XDG_CONFIG_HOME=" + scratch.file("config")};
  spawn.in_child = [&listening](char** environment) {
    // As systemd passes the first one. By way of another number, or it would
    // stay close-on-exec if it is 3.
    dup2(fcntl(listening.get(), F_DUPFD, 10), 3);
    tests::SetToOwnPid(environment, "LISTEN_PID");
  };
  std::vector<std::string> argv = command;
  argv[0] = programs.btfd;
  const pid_t daemon = tests::Spawn(argv, spawn);

  // The client has nothing to start a daemon with.
  tests::ProcessOptions options;
  options.environment = {absl::StrCat("XDG_RUNTIME_DIR=", scratch.path()),
                         "BTFD_DAEMON=/no/btfd", "BTFD_RUNTIME_DIR",
                         "BTFD_SOCKET"};
  tests::ProcessResult status;
  for (int i = 0; i < 100 && status.exit_code != 0; ++i) {
    status = tests::RunProcess({programs.btfc, "status", "--json"}, options);
    if (status.exit_code != 0) usleep(50000);  // bound, not yet listening
  }
  EXPECT_EQ(status.exit_code, 0) << status.err;
  EXPECT_EQ(tests::JsonAt(status.out, "pid"), absl::StrCat(daemon));

  EXPECT_EQ(tests::RunProcess({programs.btfc, "stop"}, options).exit_code, 0);
  int ended = -1;
  ASSERT_EQ(waitpid(daemon, &ended, 0), daemon);
  // Not a failure: Restart=on-failure leaves it at that.
  EXPECT_EQ(ended, 0);
  EXPECT_TRUE(std::filesystem::exists(socket)) << "it is systemd's";
}

}  // namespace
}  // namespace btfd
