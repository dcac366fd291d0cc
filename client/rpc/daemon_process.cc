// SPDX-License-Identifier: Apache-2.0
#include "client/rpc/daemon_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/util/file.h"
#include "lib/util/inherited.h"
#include "lib/util/own_program.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

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
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  const absl::Cleanup destroy = [&] {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  };
  // Where the log cannot be written, or the place is not ours, there is none.
  const bool ours = paths.shared_directory ||
                    util::EnsurePrivateDirectory(paths.directory).ok();
  absl::StatusOr<util::UniqueFd> log =
      ours ? util::OpenOwnForAppending(paths.log)
           : absl::PermissionDeniedError("not our place");
  if (!log.ok()) log = util::OpenFile("/dev/null", O_WRONLY);
  RETURN_IF_ERROR(log.status());
  posix_spawn_file_actions_adddup2(&actions, log->get(), STDERR_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
                                   O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
                                   O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawn_file_actions_addchdir_np(&actions, "/");
  // Whoever starts us may block signals; a daemon listens to them.
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);

  std::vector<char*> environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!IsOfBuild(*variable)) environment.push_back(*variable);
  }
  environment.push_back(nullptr);

  util::KeepStatusOfChildren();
  char* const arguments[] = {const_cast<char*>(program.c_str()), nullptr};
  pid_t child = 0;
  const int error = posix_spawn(&child, program.c_str(), &actions, &attributes,
                                arguments, environment.data());
  if (error == 0) return child;
  return absl::ErrnoToStatus(error, absl::StrCat(program, ": cannot start"));
}

}  // namespace btfd::client
