// SPDX-License-Identifier: Apache-2.0
//
// Ending and starting the daemon, for the commands of these names and for
// others that do the same on the way.
#ifndef BTFD_CLIENT_COMMANDS_LIFECYCLE_H_
#define BTFD_CLIENT_COMMANDS_LIFECYCLE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace btfd::client {

// Waits until the daemon is gone; ends it by force if it does not listen. OK if
// none runs.
absl::Status StopDaemon();

// Starts the daemon unless it runs, and says for people which one runs now.
absl::StatusOr<std::string> StartDaemon();

}  // namespace btfd::client

#endif  // BTFD_CLIENT_COMMANDS_LIFECYCLE_H_
