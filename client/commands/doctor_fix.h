// SPDX-License-Identifier: Apache-2.0
//
// btfc doctor --fix: does what may be done about findings without asking
// anybody, and says what it did and what it left.
#ifndef BTFD_CLIENT_COMMANDS_DOCTOR_FIX_H_
#define BTFD_CLIENT_COMMANDS_DOCTOR_FIX_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/commands/build_tree.h"

namespace btfd::client {

// Prints a line on stdout for each thing that was done, and for each that was
// left, with the reason.
class Fixer {
 public:
  Fixer(const Machine& machine, std::string directory);

  // Returns true if anything was done.
  bool Apply(const std::vector<Finding>& findings);
  // True if no finding so far asked for anything.
  bool nothing_found() const { return !found_; }

 private:
  absl::Status Do(const Finding& finding, std::string* done);

  const Machine& machine_;
  const std::string directory_;
  bool found_ = false;
  bool restarted_ = false;  // the daemon, by an earlier finding
};

// Writes a new file, whole or not at all. AlreadyExists if there is anything of
// that name, be it a link that leads nowhere; other errors as of open(2).
absl::Status WriteNewFile(const std::string& path, absl::string_view bytes);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_COMMANDS_DOCTOR_FIX_H_
