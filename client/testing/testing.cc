// SPDX-License-Identifier: Apache-2.0
#include "client/testing/testing.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <system_error>

#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::client::testing {

namespace {

// Never destroyed, because it is used at exit.
std::vector<std::string>& MadeDirectories() {
  static auto* const directories = new std::vector<std::string>;
  return *directories;
}

}  // namespace

std::string TestData(const std::string& path) {
  std::string full = tests::TestdataRoot() + "/" + path;
  if (access(full.c_str(), R_OK) != 0) {
    std::cerr << full << " is missing; tools/testdata fetches it\n";
    exit(1);
  }
  return full;
}

std::string FreshDirectory() {
  std::string path = "/tmp/btfd-test.XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    std::cerr << "cannot make " << path << "\n";
    exit(1);
  }
  // Runs in the process that registered it: a forked child ends by _exit or
  // exec.
  static const bool registered = [] {
    atexit([] {
      for (const std::string& made : MadeDirectories()) {
        std::error_code ignored;
        std::filesystem::remove_all(made, ignored);
      }
    });
    return true;
  }();
  static_cast<void>(registered);
  MadeDirectories().push_back(path);
  return path;
}

void WriteFile(const std::string& path, const std::string& content) {
  tests::WriteFile(path, content);
}

std::string ReadFile(const std::string& path) {
  return tests::ReadFileOrEmpty(path);
}

// The output goes to files, not to pipes as in tests::RunProcess(). What a
// client starts may outlive it, and we must not wait for that.
RunResult Run(
    const std::string& program, const std::vector<std::string>& arguments,
    const std::vector<std::pair<std::string, std::string>>& environment) {
  static const std::string* const empty = new std::string(FreshDirectory());
  const std::string scratch = FreshDirectory();
  const std::string out = scratch + "/out", err = scratch + "/err";
  tests::SpawnOptions options;
  for (const auto& [name, value] : environment) {
    options.environment.push_back(name + "=" + value);
  }
  options.directory = *empty;
  options.out = out;
  options.err = err;
  std::vector<std::string> argv = {program};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const pid_t child = tests::Spawn(argv, options);
  int status = 0;
  waitpid(child, &status, 0);
  RunResult result;
  result.exit_code =
      WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.out = ReadFile(out);
  result.err = ReadFile(err);
  unlink(out.c_str());
  unlink(err.c_str());
  rmdir(scratch.c_str());
  return result;
}

}  // namespace btfd::client::testing
