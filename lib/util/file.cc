// SPDX-License-Identifier: Apache-2.0
#include "lib/util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "lib/util/inherited.h"
#include "lib/util/status_macros.h"

namespace btfd::util {
namespace {

absl::StatusOr<std::string> ReadToEnd(int fd, const std::string& path,
                                      size_t expected) {
  std::string content;
  size_t used = 0;
  content.resize(expected + 1);  // one more, so that the end shows at once
  while (true) {
    if (used == content.size()) content.resize(2 * used);
    const ssize_t n = read(fd, &content[used], content.size() - used);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(path, "cannot read");
    if (n == 0) break;
    used += n;
    // There was room for one more: that is the end of a file of this size.
    if (used == expected && expected > 0) break;
  }
  content.resize(used);
  return content;
}

// open(2), with errno set where it gives -1.
int OpenRetrying(const std::string& path, int flags, mode_t mode) {
  int fd;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

// Where writing to `path` ends up: symbolic links followed, also one whose
// last component does not exist yet.
std::string Resolve(const std::string& path) {
  struct stat st;
  if (lstat(path.c_str(), &st) != 0 || !S_ISLNK(st.st_mode)) return path;
  std::unique_ptr<char, void (*)(void*)> real(realpath(path.c_str(), nullptr),
                                              free);
  if (real != nullptr) return real.get();
  char target[PATH_MAX];
  const ssize_t n = readlink(path.c_str(), target, sizeof(target));
  if (n <= 0 || n == sizeof(target)) return path;
  const std::string to(target, n);
  if (to[0] == '/') return to;
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? to : path.substr(0, slash + 1) + to;
}

bool SwapNames(const char* a, const char* b) {
  return renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) == 0;
}

// As rename(2), but where there is a file that goes, the two change names
// first: ext4 takes a rename over a file for a wish to have the new one on the
// disk, and starts writing it (auto_da_alloc in ext4(5)), which can take longer
// than all that made it.
bool PutInPlace(const char* from, const char* to) {
  struct stat st;
  // Not each file system can swap.
  if (lstat(to, &st) != 0 || !SwapNames(from, to)) return rename(from, to) == 0;
  if (unlink(from) == 0) return true;
  const int why = errno;  // it was no file
  SwapNames(from, to);
  errno = why;
  return false;
}

}  // namespace

void UniqueFd::Reset() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

absl::Status ErrnoStatus(absl::string_view path, absl::string_view what) {
  const int error = errno;
  return absl::ErrnoToStatus(error, absl::StrCat(path, ": ", what));
}

absl::StatusOr<UniqueFd> OpenFile(const std::string& path, int flags,
                                  mode_t mode) {
  const int fd = OpenRetrying(path, flags, mode);
  if (fd < 0) return ErrnoStatus(path, "cannot open");
  UniqueFd opened(fd);
  if (fd > STDERR_FILENO) return opened;
  // A standard stream was closed: what is meant for people would go here.
  UniqueFd above(fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!above) return ErrnoStatus(path, "cannot number it");
  opened.Reset();
  OpenStandardStreams();
  return above;
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_RDONLY));
  struct stat st;
  if (fstat(fd.get(), &st) != 0) return ErrnoStatus(path, "cannot stat");
  return ReadToEnd(fd.get(), path, S_ISREG(st.st_mode) ? st.st_size : 0);
}

absl::StatusOr<UniqueFd> OpenOwnForAppending(const std::string& path) {
  ASSIGN_OR_RETURN(
      UniqueFd fd,
      OpenFile(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK,
               0600));
  struct stat st;
  if (fstat(fd.get(), &st) != 0) return ErrnoStatus(path, "cannot stat");
  if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1) {
    return absl::PermissionDeniedError(absl::StrCat(
        path, ": not a regular file of uid ", geteuid(), " with one name"));
  }
  return fd;
}

absl::Status WriteAt(int fd, const std::string& path, absl::string_view bytes,
                     uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = pwrite(fd, bytes.data(), bytes.size(), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      return ErrnoStatus(path, absl::StrCat("cannot write ", bytes.size(),
                                            " bytes at offset ", offset));
    }
    bytes.remove_prefix(n);
    offset += n;
  }
  return absl::OkStatus();
}

absl::StatusOr<FileBytes> FileBytes::FromFd(int fd, const std::string& path) {
  struct stat st;
  if (fstat(fd, &st) != 0) return ErrnoStatus(path, "cannot stat");
  if (S_ISREG(st.st_mode) && st.st_size > 0) {
    void* map = mmap(nullptr, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map != MAP_FAILED) {
      FileBytes result;
      result.data_ = static_cast<const char*>(map);
      result.size_ = st.st_size;
      result.mapped_ = true;
      result.status_ = st;
      return result;
    }
  }
  ASSIGN_OR_RETURN(const std::string copy,
                   ReadToEnd(fd, path, S_ISREG(st.st_mode) ? st.st_size : 0));
  FileBytes result = Copy(copy);
  result.status_ = st;
  return result;
}

FileBytes FileBytes::Copy(absl::string_view bytes) {
  char* copy = new char[bytes.size()];
  bytes.copy(copy, bytes.size());
  FileBytes result;
  result.data_ = copy;
  result.size_ = bytes.size();
  return result;
}

FileBytes& FileBytes::operator=(FileBytes&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapped_, other.mapped_);
  std::swap(status_, other.status_);
  return *this;
}

FileBytes::~FileBytes() {
  if (mapped_) {
    munmap(const_cast<char*>(data_), size_);
  } else {
    delete[] data_;
  }
}

absl::StatusOr<ReplacementFile> ReplacementFile::Create(
    const std::string& path, const struct stat* like) {
  const std::string target = Resolve(path);
  struct stat old;
  if (like == nullptr && stat(target.c_str(), &old) == 0) like = &old;

  const size_t slash = target.rfind('/');
  std::string temporary =
      slash == std::string::npos ? "" : target.substr(0, slash + 1);
  temporary += absl::StrCat(".tmp_btfd_", getpid(), "_");
  // Taken names are other threads', or left by a killed process.
  UniqueFd fd;
  size_t length = temporary.size();
  for (int i = 0; !fd; ++i) {
    temporary.resize(length);
    absl::StrAppend(&temporary, i);
    const int opened = OpenRetrying(temporary, O_RDWR | O_CREAT | O_EXCL,
                                    like != nullptr ? 0600 : 0666);
    if (opened < 0 && (errno != EEXIST || i == 10000)) {
      return ErrnoStatus(path, "cannot create a temporary file beside it");
    }
    fd = UniqueFd(opened);
  }
  ReplacementFile result(target, std::move(temporary), std::move(fd));
  if (like == nullptr) return result;

  mode_t mode = like->st_mode & 07777;
  // Before the mode, since it clears the set-id bits. A user who may not give
  // files away leaves it his own.
  if ((like->st_uid != geteuid() || like->st_gid != getegid()) &&
      fchown(result.fd(), like->st_uid, like->st_gid) != 0) {
    mode &= 0777;
  }
  if (fchmod(result.fd(), mode) != 0) {
    return ErrnoStatus(path, "cannot set the mode of its replacement");
  }
  return result;
}

ReplacementFile::~ReplacementFile() {
  if (fd_) unlink(temporary_.c_str());
}

absl::Status ReplacementFile::Commit() {
  absl::Status status;
  // Over a network it is close(2) that tells whether all could be written.
  if (close(fd_.Release()) != 0) {
    status = ErrnoStatus(target_, "cannot write the finished file");
  } else if (!PutInPlace(temporary_.c_str(), target_.c_str())) {
    status = ErrnoStatus(target_, "cannot put the finished file in its place");
  }
  if (!status.ok()) unlink(temporary_.c_str());
  return status;
}

absl::Status WriteFileAtomically(const std::string& path,
                                 absl::string_view bytes) {
  struct stat st;
  const bool exists = stat(path.c_str(), &st) == 0;
  if (exists && !S_ISREG(st.st_mode)) {
    ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_WRONLY));
    while (!bytes.empty()) {
      const ssize_t n = write(fd.get(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return ErrnoStatus(path, "cannot write");
      bytes.remove_prefix(n);
    }
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(ReplacementFile file,
                   ReplacementFile::Create(path, exists ? &st : nullptr));
  RETURN_IF_ERROR(WriteAt(file.fd(), path, bytes, 0));
  return file.Commit();
}

}  // namespace btfd::util
