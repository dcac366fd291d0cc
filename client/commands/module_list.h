// SPDX-License-Identifier: Apache-2.0
//
// Lists of modules in files: a path a line, or what kbuild leaves in
// modules.order.
#ifndef BTFD_CLIENT_COMMANDS_MODULE_LIST_H_
#define BTFD_CLIENT_COMMANDS_MODULE_LIST_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace btfd::client {

// Reads `path`, "-" being stdin. Empty lines are passed over; an entry of a .o
// (modules.order since 6.3) stands for the .ko beside it. A relative path
// counts from the current directory, or where that has no such file from the
// list's own (/lib/modules/VERSION/modules.order). Errors: what open(2) says.
absl::StatusOr<std::vector<std::string>> ReadModuleList(
    const std::string& path);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_COMMANDS_MODULE_LIST_H_
