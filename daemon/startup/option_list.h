// SPDX-License-Identifier: Apache-2.0
//
// The list of options behind options.h. Only options.cc uses it.
#ifndef BTFD_DAEMON_STARTUP_OPTION_LIST_H_
#define BTFD_DAEMON_STARTUP_OPTION_LIST_H_

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "daemon/startup/options.h"

namespace btfd::daemon {

// One option: its description, how its text is read, and the text of the value
// that it has.
struct OptionSpec {
  OptionInfo info;
  std::function<absl::Status(absl::string_view text, Options* options)> read;
  std::function<std::string(const Options& options)> show;
};

// All options except `config`, in the order in which they are read, in which
// --help shows them, and in which README.md lists them.
const std::vector<OptionSpec>& OptionSpecs();

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_STARTUP_OPTION_LIST_H_
