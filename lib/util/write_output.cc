// SPDX-License-Identifier: Apache-2.0
#include "lib/util/write_output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/util/status_macros.h"

namespace btfd::util {

namespace {

// What is compared, and written where it differs, in one piece.
constexpr size_t kPiece = size_t{64} << 10;

absl::Status WriteAll(int fd, const std::string& path,
                      absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(path, "cannot write");
    bytes.remove_prefix(n);
  }
  return absl::OkStatus();
}

// Where that fails, the file is longer than it was, and no worse.
void CutBack(int fd, uint64_t size) {
  if (ftruncate(fd, size) != 0) return;
}

// The room for all of it, as far as the file system can promise that.
absl::Status Reserve(int fd, const std::string& path, uint64_t old_size,
                     uint64_t size) {
  if (size == 0 || fallocate(fd, 0, 0, size) == 0) return absl::OkStatus();
  if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINTR) {
    return absl::OkStatus();
  }
  const absl::Status status = ErrnoStatus(path, "cannot make room in it");
  CutBack(fd, old_size);
  return status;
}

std::string OverwriteNotice(const std::string& path, const absl::Status& why) {
  absl::string_view reason = why.message();
  absl::ConsumePrefix(&reason, absl::StrCat(path, ": "));
  return absl::StrCat(path, ": is overwritten in its place (", reason,
                      "): killed meanwhile, it would be broken");
}

}  // namespace

std::optional<int> DescriptorNamed(absl::string_view path) {
  if (path == "/dev/stdin") return STDIN_FILENO;
  if (path == "/dev/stdout") return STDOUT_FILENO;
  if (path == "/dev/stderr") return STDERR_FILENO;
  int fd = -1;
  if ((absl::ConsumePrefix(&path, "/dev/fd/") ||
       absl::ConsumePrefix(&path, "/proc/self/fd/")) &&
      absl::SimpleAtoi(path, &fd) && fd >= 0) {
    return fd;
  }
  return std::nullopt;
}

bool IsWrittenThrough(const std::string& path) {
  if (DescriptorNamed(path).has_value()) return true;
  struct stat st;
  return stat(path.c_str(), &st) == 0 && !S_ISREG(st.st_mode);
}

absl::Status WriteThrough(const std::string& path, absl::string_view bytes) {
  if (const std::optional<int> fd = DescriptorNamed(path)) {
    return WriteAll(*fd, path, bytes);
  }
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(path, O_WRONLY));
  return WriteAll(fd.get(), path, bytes);
}

absl::Status Overwrite(int fd, const std::string& path, absl::string_view bytes,
                       const absl::Status& why, const Notice& notice) {
  ASSIGN_OR_RETURN(const FileBytes old, FileBytes::FromFd(fd, path));
  const uint64_t old_size = old.view().size();
  RETURN_IF_ERROR(Reserve(fd, path, old_size, bytes.size()));
  if (notice) notice(OverwriteNotice(path, why));
  bool overwrites = false;
  for (size_t end = bytes.size(); end > 0;) {
    size_t begin = (end - 1) / kPiece * kPiece;
    // What the file grows by spoils nothing.
    if (begin < old_size && end > old_size) begin = old_size;
    const absl::string_view piece = bytes.substr(begin, end - begin);
    end = begin;
    if (begin + piece.size() <= old_size &&
        old.view().substr(begin, piece.size()) == piece) {
      continue;
    }
    const absl::Status written = WriteAt(fd, path, piece, begin);
    if (!written.ok()) {
      if (!overwrites) CutBack(fd, old_size);
      return written;
    }
    overwrites = overwrites || begin < old_size;
  }
  if (ftruncate(fd, bytes.size()) != 0) {
    return ErrnoStatus(path, "cannot cut it to its new size");
  }
  return absl::OkStatus();
}

Replaced Replace(
    const std::string& path, const struct stat* like,
    absl::FunctionRef<absl::Status(const ReplacementFile& file)> fill) {
  absl::StatusOr<ReplacementFile> file = ReplacementFile::Create(path, like);
  if (!file.ok()) return {file.status(), /*may_overwrite=*/true};
  absl::Status filled = fill(*file);
  if (!filled.ok()) {
    // No room for a second copy may still be room for one.
    const bool full = absl::IsResourceExhausted(filled);
    return {std::move(filled), full};
  }
  return {file->Commit(), /*may_overwrite=*/true};
}

absl::Status WriteOutput(const std::string& path, absl::string_view bytes,
                         const Notice& notice) {
  if (DescriptorNamed(path).has_value()) return WriteThrough(path, bytes);
  struct stat st;
  const bool exists = stat(path.c_str(), &st) == 0;
  if (exists && !S_ISREG(st.st_mode)) return WriteThrough(path, bytes);
  const Replaced replaced =
      Replace(path, exists ? &st : nullptr, [&](const ReplacementFile& file) {
        return WriteAt(file.fd(), path, bytes, 0);
      });
  if (replaced.status.ok() || !exists || !replaced.may_overwrite) {
    return replaced.status;
  }
  const absl::StatusOr<UniqueFd> fd = OpenFile(path, O_RDWR);
  if (!fd.ok()) return replaced.status;
  return Overwrite(fd->get(), path, bytes, replaced.status, notice);
}

}  // namespace btfd::util
