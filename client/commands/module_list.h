// SPDX-License-Identifier: Apache-2.0
//
// Reads lists of modules from files: one path on each line, or a modules.order
// of kbuild.
#ifndef BTFD_CLIENT_COMMANDS_MODULE_LIST_H_
#define BTFD_CLIENT_COMMANDS_MODULE_LIST_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace btfd::client {

// Reads `path`; "-" is stdin. Empty lines are ignored. An entry of a .o
// (modules.order since 6.3) means the .ko beside it. A relative path counts
// from the current directory; if there is no such file, from the directory of
// the list (/lib/modules/VERSION/modules.order). Errors are those of open(2).
absl::StatusOr<std::vector<std::string>> ReadModuleList(
    const std::string& path);

// The same for paths of any kind, each as it stands.
absl::StatusOr<std::vector<std::string>> ReadPathList(const std::string& path);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_COMMANDS_MODULE_LIST_H_
