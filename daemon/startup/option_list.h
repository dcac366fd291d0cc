// SPDX-License-Identifier: Apache-2.0
//
// The list behind options.h; for options.cc alone.
#ifndef BTFD_DAEMON_STARTUP_OPTION_LIST_H_
#define BTFD_DAEMON_STARTUP_OPTION_LIST_H_

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "daemon/startup/options.h"

namespace btfd::daemon {

// One option: how it is described, and how its text is read.
struct OptionSpec {
  OptionInfo info;
  std::function<absl::Status(absl::string_view text, Options* options)> read;
};

// Every option but `config`, in the order in which they are read, shown by
// --help and listed in README.md.
const std::vector<OptionSpec>& OptionSpecs();

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_STARTUP_OPTION_LIST_H_
