// SPDX-License-Identifier: Apache-2.0
//
// The store's directory and files, without SQLite. No function here opens the
// database file: to close its descriptor would drop the locks that SQLite holds
// in this process (https://www.sqlite.org/howtocorrupt.html, 2.2).
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
// somebody else or others may write there: cached results go into modules. Nor
// is anything made in the directory of somebody else but root.
absl::Status PrepareDirectory(const std::string& directory);

// The parts of it that look at who may do what; `user` is who we are. Root
// could make directories in another user's (`sudo -E` leaves HOME as it was),
// and that user could not use them.
absl::Status CheckParent(const struct stat& status, uid_t user,
                         const std::string& parent);
absl::Status CheckDirectory(const struct stat& status, uid_t user,
                            const std::string& directory);

// Returns the name of a file system by its f_type of statfs(2), if SQLite's WAL
// mode cannot be used there; null for all other file systems. WAL needs memory
// that all processes share which have the file open. Network and FUSE file
// systems do not provide it.
const char* NetworkFilesystem(int64_t f_type);
// The same for the file system of a directory; "unknown" if statfs(2) fails.
const char* NetworkFilesystemOf(const std::string& directory);

// Makes an empty file with mode 0600 if there is none.
absl::Status CreatePrivateFile(const std::string& path);

// Which file a path leads to now; {0, 0} if there is none.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const FileIdentity& a, const FileIdentity& b) {
    return a.device == b.device && a.inode == b.inode;
  }
};
FileIdentity IdentityOf(const std::string& path);

// The size in bytes of the file and of SQLite's journals beside it.
uint64_t BytesOnDisk(const std::string& path);

// Renames the file and its journals to path.aside-TIME-PID (with -wal, ...). Of
// the files that were set aside before, all but the youngest are removed.
// Returns the new name.
absl::StatusOr<std::string> SetAside(const std::string& path, absl::Time now);

// An exclusive flock(2) on a lock file. If several processes find the database
// damaged, only the one with the lock sets it aside. On a file system without
// such locks, Take() succeeds and locks nothing.
class FileLock {
 public:
  // Unavailable if another process holds the lock for longer than `timeout`.
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
