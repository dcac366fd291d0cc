// SPDX-License-Identifier: Apache-2.0
#include "lib/util/event_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/util/file.h"
#include "lib/util/status_macros.h"

namespace btfd::util {

absl::Status AddEvent(const std::string& path, absl::string_view name) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenOwnForAppending(path));
  while (flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return ErrnoStatus(path, "cannot lock");
  }
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(path, "cannot stat");
  if (static_cast<uint64_t>(info.st_size) >= kMaxEventFile) {
    return absl::ResourceExhaustedError(absl::StrCat(path, ": is full"));
  }
  const std::string line = absl::StrCat(name, "\n");
  if (write(fd.get(), line.data(), line.size()) ==
      static_cast<ssize_t>(line.size())) {
    return absl::OkStatus();
  }
  return ErrnoStatus(path, "cannot write");
}

absl::StatusOr<std::map<std::string, uint64_t>> TakeEvents(
    const std::string& path) {
  std::map<std::string, uint64_t> events;
  const absl::StatusOr<UniqueFd> fd =
      OpenFile(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  if (absl::IsNotFound(fd.status())) return events;
  RETURN_IF_ERROR(fd.status());
  struct stat info;
  if (fstat(fd->get(), &info) != 0) return ErrnoStatus(path, "cannot stat");
  if (!S_ISREG(info.st_mode) || info.st_uid != geteuid()) {
    return absl::PermissionDeniedError(
        absl::StrCat(path, ": not a regular file of uid ", geteuid()));
  }
  if (info.st_size == 0 || flock(fd->get(), LOCK_EX | LOCK_NB) != 0) {
    return events;
  }
  ASSIGN_OR_RETURN(const FileBytes bytes, FileBytes::FromFd(fd->get(), path));
  for (const absl::string_view line :
       absl::StrSplit(bytes.view(), '\n', absl::SkipEmpty())) {
    ++events[std::string(line)];
  }
  if (ftruncate(fd->get(), 0) != 0) return ErrnoStatus(path, "cannot empty");
  return events;
}

}  // namespace btfd::util
