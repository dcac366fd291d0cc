// SPDX-License-Identifier: Apache-2.0
//
// Another user of the machine, which only root can become.
#ifndef BTFD_TESTS_SUPPORT_USER_H_
#define BTFD_TESTS_SUPPORT_USER_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/support/process.h"

namespace btfd::tests {

// A user of the test's own, with a home directory that is made, mode 0700.
class User {
 public:
  User(uid_t uid, const std::string& home);

  uid_t uid() const { return uid_; }
  std::string file(const std::string& name) const { return home_ + "/" + name; }
  // Makes the user the owner of the file itself, not of what a link leads to.
  void Give(const std::string& path) const;
  // A copy of the file `from` in the home directory, with mode 0644.
  void Put(const std::string& from, const std::string& name) const;

  // Runs a program as that user for a minute at most, with nothing of ours in
  // its environment but what `environment` says.
  ProcessResult Run(const std::vector<std::string>& command,
                    const std::vector<std::string>& environment = {}) const;

 private:
  const uid_t uid_;
  const std::string home_;
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_SUPPORT_USER_H_
