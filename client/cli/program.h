// SPDX-License-Identifier: Apache-2.0
//
// Running the tools of a kernel build, pahole above all.
#ifndef BTFD_CLIENT_CLI_PROGRAM_H_
#define BTFD_CLIENT_CLI_PROGRAM_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace btfd::client {

// The words of a variable as the shell makes them of an unquoted $VARIABLE:
// cut at blanks, tabs and newlines, with no quoting.
std::vector<std::string> SplitWords(absl::string_view text);

// Runs argv[0], looked up in PATH unless it has a slash, and waits for it. It
// has our standard streams and environment; with `output` not null, its
// standard output goes there instead. Returns its exit code, 128 + N where
// signal N ended it. Errors: what exec says, with the program's name; a
// program that cannot be started at all is NotFound or PermissionDenied.
absl::StatusOr<int> RunProgram(const std::vector<std::string>& argv,
                               std::string* output = nullptr);

// For messages: the words with a blank between.
std::string ShowCommand(const std::vector<std::string>& argv);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_CLI_PROGRAM_H_
