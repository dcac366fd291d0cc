// SPDX-License-Identifier: Apache-2.0
//
// The real daemon and client, with socket, store and configuration in a scratch
// directory. So a test neither uses nor disturbs anything of the user's.
#ifndef BTFD_TESTS_SUPPORT_PRIVATE_DAEMON_H_
#define BTFD_TESTS_SUPPORT_PRIVATE_DAEMON_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/process.h"

namespace btfd::tests {

struct Programs {
  std::string btfd;
  std::string btfc;
  std::string resolve_btfids;

  // The programs as a Bazel test finds them in its `data`.
  static Programs OfRunfiles();
};

class PrivateDaemon {
 public:
  explicit PrivateDaemon(Programs programs);
  ~PrivateDaemon();  // stops the daemon, if one runs

  // The environment of a process that shall use this daemon. It is an error
  // there if the daemon cannot serve (BTFD_REQUIRE), unless `more` says
  // otherwise; later entries override earlier ones.
  std::vector<std::string> Environment(
      const std::vector<std::string>& more = {}) const;

  // Runs `btfc ARGUMENTS...` with that environment.
  ProcessResult Client(const std::vector<std::string>& arguments,
                       const std::vector<std::string>& more_environment = {},
                       const std::string& input = "") const;

  absl::Status Start();
  absl::Status Stop();
  // The process id of the running daemon. NotFound if there is none.
  absl::StatusOr<int> Pid() const;

  const Programs& programs() const { return programs_; }
  std::string runtime_directory() const { return runtime_.path(); }
  std::string store_directory() const { return directory_.file("cache/btfd"); }

 private:
  absl::Status Control(const std::string& command);

  const Programs programs_;
  const ScratchDir directory_;
  // Not in the test's own scratch directory, because the path of a socket must
  // be short.
  const ScratchDir runtime_{"/tmp"};
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_SUPPORT_PRIVATE_DAEMON_H_
