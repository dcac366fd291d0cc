// SPDX-License-Identifier: Apache-2.0
#include "lib/store/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "lib/util/status_macros.h"

namespace btfd::store {

namespace {

constexpr const char* kJournals[] = {"-wal", "-shm", "-journal"};
// People may want to look at a file that was set aside. More than one would
// only take room.
constexpr size_t kKeptAside = 1;

absl::Status ErrnoStatus(absl::string_view doing, const std::string& path,
                         int error = errno) {
  // To a caller EROFS and EACCES are the same: nothing can be kept there.
  if (error == EROFS) {
    return absl::PermissionDeniedError(
        absl::StrCat("store: ", doing, " ", path, ": read-only file system"));
  }
  return absl::ErrnoToStatus(error, absl::StrCat("store: ", doing, " ", path));
}

// What `path` is in.
std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Makes `path` if it is missing.
absl::Status MakeDirectory(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) == 0) return absl::OkStatus();
  const std::string parent = ParentOf(path);
  // Where the parent cannot be looked at, mkdir() says what is wrong.
  if (stat(parent.c_str(), &status) == 0) {
    RETURN_IF_ERROR(CheckParent(status, geteuid(), parent));
  }
  // Another process may have made it meanwhile.
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) {
    return absl::OkStatus();
  }
  return ErrnoStatus("making the directory", path);
}

// Makes the directory and its parent, for example ~/.cache/btfd and ~/.cache.
// It makes nothing above them, so where a home does not exist
// (HOME=/nonexistent) none is made.
absl::Status MakeDirectories(const std::string& directory) {
  RETURN_IF_ERROR(MakeDirectory(ParentOf(directory)));
  return MakeDirectory(directory);
}

// The names, without the directory, of the files that were set aside, oldest
// first: the names sort by the time that is in them.
std::vector<std::string> FilesAside(const std::string& directory,
                                    absl::string_view prefix) {
  std::vector<std::string> names;
  DIR* dir = opendir(directory.c_str());
  if (dir == nullptr) return names;
  while (const dirent* entry = readdir(dir)) {
    const absl::string_view name = entry->d_name;
    const bool journal = absl::EndsWith(name, "-wal") ||
                         absl::EndsWith(name, "-shm") ||
                         absl::EndsWith(name, "-journal");
    if (absl::StartsWith(name, prefix) && !journal) names.emplace_back(name);
  }
  closedir(dir);
  std::sort(names.begin(), names.end());
  return names;
}

void RemoveOldAside(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = path.substr(0, slash + 1);
  const std::vector<std::string> names =
      FilesAside(directory, absl::StrCat(path.substr(slash + 1), ".aside-"));
  for (size_t i = 0; i + kKeptAside < names.size(); ++i) {
    const std::string old = directory + names[i];
    unlink(old.c_str());
    for (const char* journal : kJournals) unlink((old + journal).c_str());
  }
}

}  // namespace

absl::Status PrepareDirectory(const std::string& directory) {
  RETURN_IF_ERROR(MakeDirectories(directory));
  struct stat status;
  if (stat(directory.c_str(), &status) != 0) {
    return ErrnoStatus("looking at the directory", directory);
  }
  return CheckDirectory(status, geteuid(), directory);
}

absl::Status CheckParent(const struct stat& status, uid_t user,
                         const std::string& parent) {
  if (status.st_uid == user || status.st_uid == 0) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("store: nothing is made in the directory of another user (",
                   status.st_uid, ", we are ", user, "): ", parent));
}

absl::Status CheckDirectory(const struct stat& status, uid_t user,
                            const std::string& directory) {
  if (!S_ISDIR(status.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat("store: not a directory: ", directory));
  }
  if (status.st_uid != user) {
    return absl::PermissionDeniedError(
        absl::StrCat("store: the directory belongs to another user (",
                     status.st_uid, ", we are ", user, "): ", directory));
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return absl::PermissionDeniedError(absl::StrCat(
        "store: others may write to the directory (chmod go-w would help): ",
        directory));
  }
  return absl::OkStatus();
}

const char* NetworkFilesystem(int64_t f_type) {
  // From linux/magic.h, statfs(2), and the file systems' own headers.
  static constexpr struct {
    uint32_t f_type;
    const char* name;
  } kKnown[] = {
      {0x00006969, "NFS"},      {0x0000517b, "SMB"},    {0xff534d42, "CIFS"},
      {0xfe534d42, "SMB"},      {0x01021997, "9p"},     {0x65735546, "FUSE"},
      {0x5346414f, "AFS"},      {0x6b414653, "AFS"},    {0x73757245, "Coda"},
      {0x00c36400, "Ceph"},     {0x0bd00bd0, "Lustre"}, {0x47504653, "GPFS"},
      {0x01161970, "GFS2"},     {0x7461636f, "OCFS2"},  {0x19830326, "BeeGFS"},
      {0x20030528, "OrangeFS"}, {0xaad7aaea, "PanFS"},  {0x0000564c, "NCP"},
      {0x786f4256, "vboxsf"},   {0xbacbacbc, "HGFS"},
  };
  for (const auto& known : kKnown) {
    if (known.f_type == static_cast<uint32_t>(f_type)) return known.name;
  }
  return nullptr;
}

const char* NetworkFilesystemOf(const std::string& directory) {
  struct statfs status;
  if (statfs(directory.c_str(), &status) != 0) return "unknown";
  return NetworkFilesystem(status.f_type);
}

absl::Status CreatePrivateFile(const std::string& path) {
  const int fd =
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) {
    close(fd);
    return absl::OkStatus();
  }
  const int error = errno;
  if (error == EEXIST || access(path.c_str(), F_OK) == 0) {
    return absl::OkStatus();
  }
  return ErrnoStatus("making", path, error);
}

FileIdentity IdentityOf(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

uint64_t BytesOnDisk(const std::string& path) {
  uint64_t bytes = 0;
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    struct stat status;
    if (stat((path + suffix).c_str(), &status) == 0) bytes += status.st_size;
  }
  return bytes;
}

absl::StatusOr<std::string> SetAside(const std::string& path, absl::Time now) {
  const std::string aside = absl::StrCat(
      path, ".aside-",
      absl::FormatTime("%Y%m%dT%H%M%E6S", now, absl::UTCTimeZone()), "-",
      getpid());
  if (rename(path.c_str(), aside.c_str()) != 0) {
    return ErrnoStatus("setting aside", path);
  }
  // SQLite would replay a journal that stayed into the new file.
  for (const char* journal : kJournals) {
    if (rename((path + journal).c_str(), (aside + journal).c_str()) != 0 &&
        errno != ENOENT) {
      return ErrnoStatus("setting aside", path + journal);
    }
  }
  RemoveOldAside(path);
  return aside;
}

absl::StatusOr<FileLock> FileLock::Take(const std::string& path,
                                        absl::Duration timeout) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoStatus("making", path);
  FileLock lock(fd);
  const absl::Time deadline = absl::Now() + timeout;
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) break;  // this file system has no such locks
    if (absl::Now() >= deadline) {
      return absl::UnavailableError(
          absl::StrCat("store: another process keeps ", path, " locked"));
    }
    absl::SleepFor(absl::Milliseconds(5));
  }
  return lock;
}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace btfd::store
