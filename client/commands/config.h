// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_CLIENT_COMMANDS_CONFIG_H_
#define BTFD_CLIENT_COMMANDS_CONFIG_H_

#include <string>
#include <vector>

namespace btfd::client {

// What is wrong with the client's settings, in files and variables, and with
// variables BTFD_* that neither it nor the daemon has; a line for each. Runs
// the daemon's program, which says what it has.
std::vector<std::string> ComplaintsAboutSettings();

}  // namespace btfd::client

#endif  // BTFD_CLIENT_COMMANDS_CONFIG_H_
