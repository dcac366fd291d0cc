// SPDX-License-Identifier: Apache-2.0
//
// Which pahole is the real one, for a program that stands before it in PATH
// under the same name.
//
// What looks like the real one may lead back to us: another copy of btfd, or a
// script that calls `pahole`. So what was chosen is noted in the environment,
// BTFD_PAHOLE_TRIED, for the process that it becomes: where that one is us
// again, it chooses another. The search ends, since PATH does.
#ifndef BTFD_CLIENT_ENCODE_REAL_PAHOLE_H_
#define BTFD_CLIENT_ENCODE_REAL_PAHOLE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace btfd::client {

inline constexpr char kPaholeTried[] = "BTFD_PAHOLE_TRIED";

struct PaholeSearch {
  std::string named;  // BTFD_PAHOLE: a path, or a name to be found in PATH
  std::string search_path;  // PATH
  std::string tried;        // BTFD_PAHOLE_TRIED
};

// The first of `named`, and of pahole in each directory of PATH, that is a
// program, is not this one, and was not tried. NotFound names what was found
// and leads back to us.
absl::StatusOr<std::string> FindRealPaholeIn(const PaholeSearch& search);

// The same of this process, whose environment then says that it was tried.
absl::StatusOr<std::string> ChooseRealPahole();

// What kbuild's $PAHOLE means, as a command: no words where that leads to this
// program or to nothing. BTFD_PAHOLE comes before it.
std::vector<std::string> RealPaholeOf(const std::string& pahole_variable);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_ENCODE_REAL_PAHOLE_H_
