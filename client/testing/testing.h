// SPDX-License-Identifier: Apache-2.0
//
// Shared by the client's tests: test data, scratch directories, programs.
#ifndef BTFD_CLIENT_TESTING_TESTING_H_
#define BTFD_CLIENT_TESTING_TESTING_H_

#include <string>
#include <utility>
#include <vector>

namespace btfd::client::testing {

// A file in BTFD_TESTDATA (else $XDG_CACHE_HOME/btfd-testdata, else
// $HOME/.cache/btfd-testdata). If it is missing, the test program ends with an
// error: a test that is skipped shows nothing.
std::string TestData(const std::string& path);

// A new, empty directory. Its path is short enough for a socket in it. It is
// removed when the program ends.
std::string FreshDirectory();

void WriteFile(const std::string& path, const std::string& content);
std::string ReadFile(const std::string& path);

struct RunResult {
  int exit_code = 0;  // 128 + N if ended by signal N
  std::string out;
  std::string err;
};

// Runs a program in an empty directory and waits for it. `environment` is added
// to this process's.
RunResult Run(
    const std::string& program, const std::vector<std::string>& arguments,
    const std::vector<std::pair<std::string, std::string>>& environment = {});

}  // namespace btfd::client::testing

#endif  // BTFD_CLIENT_TESTING_TESTING_H_
