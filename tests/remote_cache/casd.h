// SPDX-License-Identifier: Apache-2.0
//
// BuildBox's buildbox-casd, a real server of the Remote Execution API, in the
// root that `tools/testdata buildbox` makes. Needs the right to chroot.
#ifndef BTFD_TESTS_REMOTE_CACHE_CASD_H_
#define BTFD_TESTS_REMOTE_CACHE_CASD_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"

namespace btfd::tests {

class Casd {
 public:
  Casd();
  ~Casd();  // kills it, and forgets what it has
  Casd(const Casd&) = delete;
  Casd& operator=(const Casd&) = delete;

  // On a free port of 127.0.0.1, the same one each time; waits until it
  // listens. NotFound, with what to run, where there is no such root.
  absl::Status Start();
  void Kill();  // SIGKILL; what it has stays on its disk

  std::string address() const;
  // Where it keeps what it has.
  std::string directory() const;

 private:
  const std::string root_;
  std::string inside_;  // the directory, seen from the root
  int port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_REMOTE_CACHE_CASD_H_
