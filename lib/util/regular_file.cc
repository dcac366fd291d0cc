// SPDX-License-Identifier: Apache-2.0
#include "lib/util/regular_file.h"

#include <errno.h>

#include "absl/strings/str_cat.h"
#include "lib/util/file.h"

namespace btfd::util {

absl::Status CheckRegular(const struct stat& status, const std::string& path) {
  if (S_ISREG(status.st_mode)) return absl::OkStatus();
  if (S_ISDIR(status.st_mode)) {
    errno = EISDIR;
    return ErrnoStatus(path, "cannot read");
  }
  return absl::InvalidArgumentError(absl::StrCat(path, ": not a regular file"));
}

absl::Status CheckRegularFd(int fd, const std::string& path) {
  struct stat status;
  if (fstat(fd, &status) != 0) return ErrnoStatus(path, "cannot stat");
  return CheckRegular(status, path);
}

}  // namespace btfd::util
