// SPDX-License-Identifier: Apache-2.0
//
// Inputs must be regular files, as for upstream's tools: a pipe can be read
// only once, and these are read twice.
#ifndef BTFD_LIB_UTIL_REGULAR_FILE_H_
#define BTFD_LIB_UTIL_REGULAR_FILE_H_

#include <sys/stat.h>

#include <string>

#include "absl/status/status.h"

namespace btfd::util {

// InvalidArgument, with the path, unless it is a regular file. Open a path that
// may be a FIFO with O_NONBLOCK, which has no effect on a regular file.
absl::Status CheckRegular(const struct stat& status, const std::string& path);
// The same for an open file.
absl::Status CheckRegularFd(int fd, const std::string& path);

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_REGULAR_FILE_H_
