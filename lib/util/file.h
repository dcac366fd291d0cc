// SPDX-License-Identifier: Apache-2.0
//
// Reads files whole, maps them, or replaces them so that a reader sees either
// the old content or all of the new one.
//
// Errors are absl::ErrnoToStatus() of the system's error; the message has the
// path and what was tried. Threads share nothing here.
#ifndef BTFD_LIB_UTIL_FILE_H_
#define BTFD_LIB_UTIL_FILE_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace btfd::util {

// Owns a file descriptor and closes it.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd() { Reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset();

 private:
  int fd_ = -1;
};

// The Status of the current errno: "PATH: WHAT: strerror".
absl::Status ErrnoStatus(absl::string_view path, absl::string_view what);

// open(2) with O_CLOEXEC added, repeated on EINTR.
absl::StatusOr<UniqueFd> OpenFile(const std::string& path, int flags,
                                  mode_t mode = 0666);
absl::StatusOr<std::string> ReadFile(const std::string& path);
// Opens a file for appending, at a path where others may have put something.
// Makes it with mode 0600 if it is missing. PermissionDenied unless it is a
// regular file of ours with no other name. A link is not followed, and a FIFO
// does not block.
absl::StatusOr<UniqueFd> OpenOwnForAppending(const std::string& path);

// Writes all of `bytes` at `offset`, also after short writes and EINTR.
absl::Status WriteAt(int fd, const std::string& path, absl::string_view bytes,
                     uint64_t offset);

// The bytes of a file for reading: a private read-only map, or a copy if the
// file cannot be mapped (pipes, files of sysfs). The map has the size that the
// file had when it was opened. If somebody truncates the file meanwhile, a read
// gets SIGBUS, as in every linker.
class FileBytes {
 public:
  // `path` is for messages. The descriptor may be closed afterwards.
  static absl::StatusOr<FileBytes> FromFd(int fd, const std::string& path);
  // A heap copy of exactly that size, so that a sanitizer notices a read beyond
  // it.
  static FileBytes Copy(absl::string_view bytes);

  FileBytes() = default;
  FileBytes(FileBytes&& other) noexcept { *this = std::move(other); }
  FileBytes& operator=(FileBytes&& other) noexcept;
  ~FileBytes();

  // Valid as long as this object, moved or not, lives.
  absl::string_view view() const { return {data_, size_}; }
  // The result of fstat(2) before the map was made; all zero for Copy().
  const struct stat& status() const { return status_; }

 private:
  const char* data_ = nullptr;
  size_t size_ = 0;
  bool mapped_ = false;  // else heap memory, made by new[]
  struct stat status_ {};
};

// A file that will replace another one. It is a temporary file beside the old
// one (.tmp_btfd_PID_N; kbuild's `make clean` removes it if a killed process
// left it). Commit() puts it in the old one's place in one step; the destructor
// removes it if it was not committed. So every reader sees the old file or the
// whole new one, even if the process is killed or the disk is full. Nothing is
// synced, so the file can be empty after a power cut; a caller that must not
// lose it calls fdatasync() on fd() before Commit().
class ReplacementFile {
 public:
  // Follows symbolic links and replaces the file to which they lead. A new file
  // gets mode 0666 less the umask. If a file exists, the new one gets its mode
  // and, if that is permitted, its owner. If `like` is not null, it is used
  // instead of the existing file for that.
  static absl::StatusOr<ReplacementFile> Create(const std::string& path,
                                                const struct stat* like);

  ReplacementFile(ReplacementFile&&) = default;
  ReplacementFile& operator=(ReplacementFile&&) = delete;
  ~ReplacementFile();

  int fd() const { return fd_.get(); }  // until Commit()
  const std::string& temporary_path() const { return temporary_; }
  absl::Status Commit();

 private:
  ReplacementFile(std::string target, std::string temporary, UniqueFd fd)
      : target_(std::move(target)),
        temporary_(std::move(temporary)),
        fd_(std::move(fd)) {}

  std::string target_;
  std::string temporary_;
  UniqueFd fd_;  // empty once committed or moved from
};

// Makes `bytes` the content of `path` by a ReplacementFile. If `path` is no
// regular file (/dev/stdout, a pipe), writes to it directly.
absl::Status WriteFileAtomically(const std::string& path,
                                 absl::string_view bytes);

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_FILE_H_
