// SPDX-License-Identifier: Apache-2.0
//
// Inputs that have to be regular files, as upstream's tools want theirs: a pipe
// is read once, and these are read twice.
#ifndef BTFD_LIB_UTIL_REGULAR_FILE_H_
#define BTFD_LIB_UTIL_REGULAR_FILE_H_

#include <sys/stat.h>

#include <string>

#include "absl/status/status.h"

namespace btfd::util {

// InvalidArgument, with the path, unless it is a regular file. An open(2) of
// what may be a FIFO takes O_NONBLOCK, which means nothing to a regular file.
absl::Status CheckRegular(const struct stat& status, const std::string& path);
// The same of an open file.
absl::Status CheckRegularFd(int fd, const std::string& path);

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_REGULAR_FILE_H_
