// SPDX-License-Identifier: Apache-2.0
//
// Runs BuildBox's buildbox-casd, a real server of the Remote Execution API, in
// the root directory that `tools/testdata buildbox` makes. Needs the right to
// chroot.
#ifndef BTFD_TESTS_REMOTE_CACHE_CASD_H_
#define BTFD_TESTS_REMOTE_CACHE_CASD_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"

namespace btfd::tests {

class Casd {
 public:
  Casd();
  ~Casd();  // kills it and deletes its files
  Casd(const Casd&) = delete;
  Casd& operator=(const Casd&) = delete;

  // Starts it on a free port of 127.0.0.1, the same one each time, and waits
  // until it listens. NotFound says what to run if there is no such root
  // directory.
  absl::Status Start();
  void Kill();  // SIGKILL; its files stay on disk

  std::string address() const;
  // The directory in which it keeps its blobs.
  std::string directory() const;

 private:
  const std::string root_;
  std::string inside_;  // the directory, as a path inside the root
  int port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_REMOTE_CACHE_CASD_H_
