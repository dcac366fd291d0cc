// SPDX-License-Identifier: Apache-2.0
//
// Runs programs to their end and keeps their output.
#ifndef BTFD_TESTS_SUPPORT_PROCESS_H_
#define BTFD_TESTS_SUPPORT_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace btfd::tests {

struct ProcessResult {
  int exit_code = -1;  // 128 + signal if a signal killed it
  std::string out;
  std::string err;
};

struct ProcessOptions {
  // NAME=VALUE, added to this process's environment. "NAME" alone removes the
  // variable.
  std::vector<std::string> environment;
  std::string directory;  // working directory; empty: this process's
  std::string input;      // on standard input
};

// Runs argv[0], which is searched in PATH. If the program cannot be started,
// the exit code is 127 and `err` has the reason.
ProcessResult RunProcess(const std::vector<std::string>& argv,
                         const ProcessOptions& options = {});

struct SpawnOptions {
  std::vector<std::string> environment;  // as in ProcessOptions
  std::string directory;                 // as there
  // Files to which standard output and error are appended; empty: inherited.
  std::string out;
  std::string err;
  // Runs in the child just before exec, with its environment. It must not
  // allocate memory: another thread may have held the allocator's lock at the
  // fork().
  std::function<void(char** environment)> in_child;
};

// Starts argv[0], which is searched in PATH, and returns its process id. The
// caller must wait for it. It exits with 127 if it cannot be started.
pid_t Spawn(const std::vector<std::string>& argv, const SpawnOptions& options);

// For SpawnOptions::in_child: writes the child's own process id, with
// leading zeros, over the value of NAME, which has to be ten characters long.
void SetToOwnPid(char** environment, const char* name);

// This process's environment with `changes`, which are as in ProcessOptions.
std::vector<std::string> EnvironmentWith(
    const std::vector<std::string>& changes);

// The pointers that execve(2) takes. Make them before a fork(): after it,
// nothing may be allocated. They are valid as long as `words`.
std::vector<char*> PointersTo(const std::vector<std::string>& words);

// A new directory; the destructor removes it.
class ScratchDir {
 public:
  // In the test's own scratch directory, or in `parent`.
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

// The whole content of a file; empty if there is no such file.
std::string ReadFileOrEmpty(const std::string& path);
void WriteFile(const std::string& path, const std::string& content);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_SUPPORT_PROCESS_H_
