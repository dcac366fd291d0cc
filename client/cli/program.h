// SPDX-License-Identifier: Apache-2.0
//
// Runs other programs of a kernel build, mostly pahole.
#ifndef BTFD_CLIENT_CLI_PROGRAM_H_
#define BTFD_CLIENT_CLI_PROGRAM_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace btfd::client {

// Splits the value of a variable as the shell splits an unquoted $VARIABLE: at
// blanks, tabs and newlines, without quoting.
std::vector<std::string> SplitWords(absl::string_view text);

// Runs argv[0] and waits for it. The program is searched in PATH unless it has
// a slash. It gets our standard streams and environment; if `output` is not
// null, its standard output goes there. Returns its exit code; 128 + N if
// signal N ended it. Errors: the message of exec with the program's name.
// NotFound or PermissionDenied if the program cannot be started.
absl::StatusOr<int> RunProgram(const std::vector<std::string>& argv,
                               std::string* output = nullptr);

// The words with blanks between them, for messages.
std::string ShowCommand(const std::vector<std::string>& argv);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_CLI_PROGRAM_H_
