// SPDX-License-Identifier: Apache-2.0
//
// Running a program to its end and keeping what it said.
#ifndef BTFD_TESTS_SUPPORT_PROCESS_H_
#define BTFD_TESTS_SUPPORT_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace btfd::tests {

struct ProcessResult {
  int exit_code = -1;  // 128 + signal where it was killed by one
  std::string out;
  std::string err;
};

struct ProcessOptions {
  // NAME=VALUE, on top of this process's environment; "NAME" alone unsets it.
  std::vector<std::string> environment;
  std::string directory;  // working directory; empty: this process's
  std::string input;      // on standard input
};

// Runs argv[0] (looked up in PATH). A program that cannot be started counts as
// exit code 127 with the reason in `err`.
ProcessResult RunProcess(const std::vector<std::string>& argv,
                         const ProcessOptions& options = {});

struct SpawnOptions {
  std::vector<std::string> environment;  // as in ProcessOptions
  std::string directory;                 // as there
  // Files that standard output and error are appended to; empty: inherited.
  std::string out;
  std::string err;
  // Runs in the child just before exec, with its environment. It must not
  // allocate: another thread may have held the allocator's lock at the fork().
  std::function<void(char** environment)> in_child;
};

// Starts argv[0] (looked up in PATH) and returns its process. Whoever calls
// waits for it. It ends with 127 if it cannot be started.
pid_t Spawn(const std::vector<std::string>& argv, const SpawnOptions& options);

// For SpawnOptions::in_child: writes the child's own process id, with
// leading zeros, over the value of NAME, which has to be ten characters long.
void SetToOwnPid(char** environment, const char* name);

// This process's environment with `changes`, which are as in ProcessOptions.
std::vector<std::string> EnvironmentWith(
    const std::vector<std::string>& changes);

// What execve(2) takes: to be made before a fork(), after which another
// thread's lock on the allocator would never be given back. Valid as long as
// the words.
std::vector<char*> PointersTo(const std::vector<std::string>& words);

// A new directory, removed with the object.
class ScratchDir {
 public:
  // Under the test's own scratch space, or under `parent`.
  ScratchDir();
  explicit ScratchDir(const std::string& parent);
  ~ScratchDir();
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Whole content of a file; empty where there is none.
std::string ReadFileOrEmpty(const std::string& path);
void WriteFile(const std::string& path, const std::string& content);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_SUPPORT_PROCESS_H_
