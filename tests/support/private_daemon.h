// SPDX-License-Identifier: Apache-2.0
//
// The real daemon and client, with a socket, a store and a configuration in a
// scratch directory, so that nothing of the user's is used or disturbed.
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

  // As a Bazel test finds those it names in `data`.
  static Programs OfRunfiles();
};

class PrivateDaemon {
 public:
  explicit PrivateDaemon(Programs programs);
  ~PrivateDaemon();  // stops the daemon, if one runs

  // What a process needs in its environment to meet this daemon. It is an
  // error there if the daemon cannot serve (BTFD_REQUIRE), unless `more` says
  // otherwise; later entries win.
  std::vector<std::string> Environment(
      const std::vector<std::string>& more = {}) const;

  // `btfc ARGUMENTS...` with that environment.
  ProcessResult Client(const std::vector<std::string>& arguments,
                       const std::vector<std::string>& more_environment = {},
                       const std::string& input = "") const;

  absl::Status Start();
  absl::Status Stop();
  // Process id of the running daemon. NotFound if there is none.
  absl::StatusOr<int> Pid() const;

  const Programs& programs() const { return programs_; }
  std::string runtime_directory() const { return runtime_.path(); }
  std::string store_directory() const { return directory_.file("cache/btfd"); }

 private:
  absl::Status Control(const std::string& command);

  const Programs programs_;
  const ScratchDir directory_;
  // Not under the test's scratch space: the path of a socket is short.
  const ScratchDir runtime_{"/tmp"};
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_SUPPORT_PRIVATE_DAEMON_H_
