// SPDX-License-Identifier: Apache-2.0
//
// The store's directory and files, below SQLite. None of these functions opens
// the database file: closing such a descriptor would drop the locks that SQLite
// holds in this process (https://www.sqlite.org/howtocorrupt.html, 2.2).
#ifndef BTFD_LIB_STORE_FILES_H_
#define BTFD_LIB_STORE_FILES_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace btfd::store {

// Makes the directory (0700), and the one that it is in; nothing above them:
// where a home is missing, it stays missing. PermissionDenied if it belongs to
// somebody else or others may write there: cached results go into modules.
absl::Status PrepareDirectory(const std::string& directory);

// The part of it that looks at who may do what; `user` is who we are.
absl::Status CheckDirectory(const struct stat& status, uid_t user,
                            const std::string& directory);

// By f_type of statfs(2): the name of a file system on which SQLite's WAL is no
// good, since that needs memory shared by all who have the file open, and
// network and FUSE file systems do not have it. Null for all others.
const char* NetworkFilesystem(int64_t f_type);
// That of the directory's file system; "unknown" if it cannot be told.
const char* NetworkFilesystemOf(const std::string& directory);

// Makes an empty file with mode 0600 if there is none.
absl::Status CreatePrivateFile(const std::string& path);

// Which file a path names now; {0, 0} if none.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const FileIdentity& a, const FileIdentity& b) {
    return a.device == b.device && a.inode == b.inode;
  }
};
FileIdentity IdentityOf(const std::string& path);

// Size of the file and of SQLite's journals beside it.
uint64_t BytesOnDisk(const std::string& path);

// Renames the file and its journals to path.aside-TIME-PID (-wal, ...) and
// removes older ones of that kind but the youngest. Returns the new name.
absl::StatusOr<std::string> SetAside(const std::string& path, absl::Time now);

// An exclusive flock(2) on a file of its own, so that of several processes that
// find the database damaged only one sets it aside. Where a file system has no
// such locks, there is none.
class FileLock {
 public:
  // Unavailable if another process keeps it for longer than `timeout`.
  static absl::StatusOr<FileLock> Take(const std::string& path,
                                       absl::Duration timeout);
  FileLock(FileLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace btfd::store

#endif  // BTFD_LIB_STORE_FILES_H_
