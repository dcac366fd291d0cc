// SPDX-License-Identifier: Apache-2.0
//
// Paths of a system that is not the one that runs: an image that is mounted
// somewhere, or a tree that a test made.
#ifndef BTFD_CLIENT_KERNEL_ROOTED_PATH_H_
#define BTFD_CLIENT_KERNEL_ROOTED_PATH_H_

#include <string>

#include "absl/strings/string_view.h"

namespace btfd::client {

// Where the absolute `path` of the system whose root directory is `root` is on
// this one. Symbolic links are followed as that system follows them, so that
// nothing outside of `root` is named. `root` is "" for this system itself.
std::string RootedPath(const std::string& root, absl::string_view path);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_KERNEL_ROOTED_PATH_H_
