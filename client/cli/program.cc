// SPDX-License-Identifier: Apache-2.0
#include "client/cli/program.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "lib/util/file.h"
#include "lib/util/inherited.h"

namespace btfd::client {

namespace {

absl::StatusOr<int> Wait(pid_t pid, const std::string& program) {
  int status;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return util::ErrnoStatus(program, "cannot wait for it");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

absl::Status ReadAll(int fd, const std::string& program, std::string* output) {
  char buffer[4096];
  for (;;) {
    const ssize_t n = read(fd, buffer, sizeof(buffer));
    if (n == 0) return absl::OkStatus();
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return util::ErrnoStatus(program, "cannot read its output");
    output->append(buffer, static_cast<size_t>(n));
  }
}

}  // namespace

std::vector<std::string> SplitWords(absl::string_view text) {
  return absl::StrSplit(text, absl::ByAnyChar(" \t\n"), absl::SkipEmpty());
}

absl::StatusOr<int> RunProgram(const std::vector<std::string>& argv,
                               std::string* output) {
  const std::string& program = argv[0];
  util::UniqueFd reader, writer;
  if (output != nullptr) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
      return util::ErrnoStatus(program, "cannot make a pipe");
    }
    reader = util::UniqueFd(ends[0]);
    writer = util::UniqueFd(ends[1]);
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const absl::Cleanup destroy = [&actions] {
    posix_spawn_file_actions_destroy(&actions);
  };
  if (writer) {
    posix_spawn_file_actions_adddup2(&actions, writer.get(), STDOUT_FILENO);
  }
  std::vector<char*> words;
  for (const std::string& word : argv) {
    words.push_back(const_cast<char*>(word.c_str()));
  }
  words.push_back(nullptr);
  util::KeepStatusOfChildren();
  pid_t pid;
  const int error =
      posix_spawnp(&pid, words[0], &actions, nullptr, words.data(), environ);
  if (error != 0) {
    return absl::ErrnoToStatus(error, program + ": cannot start");
  }
  writer.Reset();
  const absl::Status read =
      reader ? ReadAll(reader.get(), program, output) : absl::OkStatus();
  const absl::StatusOr<int> exit_code = Wait(pid, program);
  if (!read.ok()) return read;
  return exit_code;
}

std::string ShowCommand(const std::vector<std::string>& argv) {
  return absl::StrJoin(argv, " ");
}

}  // namespace btfd::client
