// SPDX-License-Identifier: Apache-2.0
//
// What the client's tests share: test data, scratch directories, programs.
#ifndef BTFD_CLIENT_TESTING_TESTING_H_
#define BTFD_CLIENT_TESTING_TESTING_H_

#include <string>
#include <utility>
#include <vector>

namespace btfd::client::testing {

// A file under BTFD_TESTDATA (else $XDG_CACHE_HOME/btfd-testdata, else
// $HOME/.cache/btfd-testdata). Ends the test program if it is missing: a
// skipped proof is not a passed one.
std::string TestData(const std::string& path);

// A new, empty directory with a path short enough for a socket in it. It is
// gone when the program ends.
std::string FreshDirectory();

void WriteFile(const std::string& path, const std::string& content);
std::string ReadFile(const std::string& path);

struct RunResult {
  int exit_code = 0;  // 128 + N if ended by signal N
  std::string out;
  std::string err;
};

// Runs a program in an empty directory and waits for it. `environment` is set
// on top of this process's.
RunResult Run(
    const std::string& program, const std::vector<std::string>& arguments,
    const std::vector<std::pair<std::string, std::string>>& environment = {});

}  // namespace btfd::client::testing

#endif  // BTFD_CLIENT_TESTING_TESTING_H_
