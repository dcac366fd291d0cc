// SPDX-License-Identifier: Apache-2.0
#include "client/rpc/daemon_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/util/inherited.h"
#include "lib/util/own_program.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

// The first descriptor of a private daemon's connections, in that daemon.
constexpr int kConnectionFd = 3;
// Greater than all of them: dup2 to the same number would keep close-on-exec.
constexpr int kFirstSafeFd = 16;

bool IsProgram(const std::string& path) {
  return access(path.c_str(), X_OK) == 0;
}

// Variables that make sets for its children. A daemon that outlives the build
// must not have them.
bool IsOfBuild(const char* variable) {
  for (const absl::string_view name : {"MAKEFLAGS=", "MFLAGS=", "MAKELEVEL=",
                                       "MAKEOVERRIDES=", "GNUMAKEFLAGS="}) {
    if (absl::StartsWith(variable, name)) return true;
  }
  return false;
}

absl::Status SpawnError(int error, const std::string& program) {
  return absl::ErrnoToStatus(error, absl::StrCat(program, ": cannot start"));
}

// Starts `argv` with stdin and stdout on /dev/null, stderr on the log, and no
// descriptor of ours but `connections`, which get numbers from kConnectionFd
// up. Precondition: their numbers here are greater than those.
absl::StatusOr<pid_t> Spawn(const std::vector<std::string>& argv,
                            const util::RuntimePaths& paths,
                            const std::vector<int>& connections,
                            bool new_session) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  const absl::Cleanup destroy = [&] {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  };
  // There is no log if it cannot be written, or if the directory is not ours.
  const bool ours = paths.shared_directory ||
                    util::EnsurePrivateDirectory(paths.directory).ok();
  absl::StatusOr<util::UniqueFd> log =
      ours ? util::OpenOwnForAppending(paths.log)
           : absl::PermissionDeniedError("not our place");
  if (!log.ok()) log = util::OpenFile("/dev/null", O_WRONLY);
  RETURN_IF_ERROR(log.status());
  // This must be first, because a connection may get the number of this
  // descriptor.
  posix_spawn_file_actions_adddup2(&actions, log->get(), STDERR_FILENO);
  int first_closed = kConnectionFd;
  for (const int connection : connections) {
    posix_spawn_file_actions_adddup2(&actions, connection, first_closed++);
  }
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
                                   O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
                                   O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&actions, first_closed);
  // The process that started us may block signals, but the daemon needs them.
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  short flags = POSIX_SPAWN_SETSIGMASK;
  if (new_session) {
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    flags |= POSIX_SPAWN_SETSID;
  }
  posix_spawnattr_setflags(&attributes, flags);

  std::vector<char*> arguments, environment;
  for (const std::string& argument : argv) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!IsOfBuild(*variable)) environment.push_back(*variable);
  }
  environment.push_back(nullptr);

  util::KeepStatusOfChildren();
  pid_t child = 0;
  const int error = posix_spawn(&child, argv[0].c_str(), &actions, &attributes,
                                arguments.data(), environment.data());
  if (error != 0) return SpawnError(error, argv[0]);
  return child;
}

// Makes a connection. Returns our end, which is non-blocking. The other end is
// added to `theirs` with a number that Spawn() can use.
absl::StatusOr<util::UniqueFd> NewPair(std::vector<util::UniqueFd>* theirs) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return absl::ErrnoToStatus(errno, "cannot make a socket pair");
  }
  util::UniqueFd ours(ends[0]);
  const util::UniqueFd other(ends[1]);
  theirs->emplace_back(fcntl(other.get(), F_DUPFD_CLOEXEC, kFirstSafeFd));
  if (!theirs->back()) {
    return absl::ErrnoToStatus(errno, "cannot number a socket");
  }
  fcntl(ours.get(), F_SETFL, fcntl(ours.get(), F_GETFL) | O_NONBLOCK);
  return ours;
}

}  // namespace

absl::StatusOr<std::string> FindDaemon(const std::string& named) {
  if (named.empty()) {
    const char* search = getenv("PATH");
    return FindDaemonIn(util::OwnProgramDirectory(),
                        search == nullptr ? "" : search);
  }
  if (IsProgram(named)) return named;
  return absl::NotFoundError(
      absl::StrCat("BTFD_DAEMON=", named, " is no program"));
}

absl::StatusOr<std::string> FindDaemonIn(const std::string& own_directory,
                                         absl::string_view search_path) {
  for (const absl::string_view place : {"/btfd", "/../daemon/btfd"}) {
    std::string path = absl::StrCat(own_directory, place);
    if (!own_directory.empty() && IsProgram(path)) return path;
  }
  for (const absl::string_view directory : absl::StrSplit(search_path, ':')) {
    std::string path = absl::StrCat(directory, "/btfd");
    // An empty entry means the current directory, which nobody intends.
    if (!directory.empty() && IsProgram(path)) return path;
  }
  return absl::NotFoundError(absl::StrCat(
      "btfd is neither in ",
      own_directory.empty() ? "the directory of this program" : own_directory,
      " nor in PATH"));
}

absl::StatusOr<pid_t> SpawnSharedDaemon(const std::string& program,
                                        const util::RuntimePaths& paths) {
  return Spawn({program}, paths, /*connections=*/{}, /*new_session=*/true);
}

absl::StatusOr<PrivateDaemon> SpawnPrivateDaemon(
    const std::string& program, const util::RuntimePaths& paths) {
  PrivateDaemon daemon;
  std::vector<util::UniqueFd> theirs;
  for (util::UniqueFd* const ours : {&daemon.calls, &daemon.stream}) {
    ASSIGN_OR_RETURN(*ours, NewPair(&theirs));
  }
  RETURN_IF_ERROR(
      Spawn({program, absl::StrCat("--connection_fd=", kConnectionFd, ",",
                                   kConnectionFd + 1)},
            paths, {theirs[0].get(), theirs[1].get()}, /*new_session=*/false)
          .status());
  return daemon;
}

}  // namespace btfd::client
