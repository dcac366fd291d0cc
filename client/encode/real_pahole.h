// SPDX-License-Identifier: Apache-2.0
//
// Finds the real pahole, for a program that stands before it in PATH under the
// same name.
//
// What looks like the real pahole may lead back to us: another copy of btfd, or
// a script that calls `pahole`. So the process that becomes the chosen program
// gets its path in the environment variable BTFD_PAHOLE_TRIED. If it is our
// program again, it chooses another path. The search ends because PATH ends.
#ifndef BTFD_CLIENT_ENCODE_REAL_PAHOLE_H_
#define BTFD_CLIENT_ENCODE_REAL_PAHOLE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace btfd::client {

inline constexpr char kPaholeTried[] = "BTFD_PAHOLE_TRIED";

struct PaholeSearch {
  std::string named;        // BTFD_PAHOLE: a path, or a name in PATH
  std::string search_path;  // PATH
  std::string tried;        // BTFD_PAHOLE_TRIED
};

// Tries `named`, then pahole in each directory of PATH. Returns the first that
// is a program, is not this one, and was not tried before. NotFound names the
// programs that were found and lead back to us.
absl::StatusOr<std::string> FindRealPaholeIn(const PaholeSearch& search);

// The same for this process. Afterwards its environment says that this path was
// tried.
absl::StatusOr<std::string> ChooseRealPahole();

// Of what BTFD_PAHOLE and PATH name as pahole, the programs that lead back to
// this one: copies of it, scripts that call `pahole`, and this program itself
// if BTFD_PAHOLE names it. Runs each with `--version`.
std::vector<std::string> PaholesThatLeadBack();
// To be called first by the program that stands in for pahole. If it was called
// by PaholesThatLeadBack(), says so and returns true; then it must end.
bool AnswersPaholeProbe();

// The command that kbuild's $PAHOLE means. Empty if that leads to this program,
// or to nothing. BTFD_PAHOLE, if it is set, is used instead.
std::vector<std::string> RealPaholeOf(const std::string& pahole_variable);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_ENCODE_REAL_PAHOLE_H_
