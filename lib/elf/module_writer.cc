// SPDX-License-Identifier: Apache-2.0
//
// The layout says what the new file is; here it is made, beside the old one.
#include "lib/elf/module_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "lib/util/file.h"
#include "lib/util/status_macros.h"
#include "lib/util/write_output.h"

namespace btfd::elf {
namespace {

using util::ErrnoStatus;
using util::ReplacementFile;
using util::WriteAt;

bool SameTime(const struct timespec& a, const struct timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool SameFile(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// Whether the path still leads to the file, with the content, that was read.
absl::Status CheckUnchanged(const ModuleFile& module) {
  struct stat now;
  if (stat(module.path().c_str(), &now) != 0) {
    return ErrnoStatus(module.path(), "cannot stat");
  }
  const struct stat& then = module.status();
  if (SameFile(now, then) && now.st_size == then.st_size &&
      SameTime(now.st_mtim, then.st_mtim)) {
    return absl::OkStatus();
  }
  return absl::AbortedError(absl::StrCat(
      module.path(), ": was changed by somebody else since it was read"));
}

// Copies without passing through here, or sharing blocks, where the file
// systems can do that.
absl::Status CopyKept(const ModuleFile& module, ModuleLayout::Kept range,
                      const ReplacementFile& file, const std::string& path) {
  while (range.size > 0) {
    loff_t from = range.from, to = range.to;
    const ssize_t n = copy_file_range(module.fd(), &from, file.fd(), &to,
                                      range.size, /*flags=*/0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    range.from += n;
    range.to += n;
    range.size -= n;
  }
  return WriteAt(file.fd(), path, module.bytes().substr(range.from, range.size),
                 range.to);
}

absl::Status Fill(const ModuleFile& module, const ModuleLayout& layout,
                  const std::string& path, const ReplacementFile& file) {
  for (const ModuleLayout::Kept& range : layout.kept) {
    RETURN_IF_ERROR(CopyKept(module, range, file, path));
  }
  for (const ModuleLayout::New& piece : layout.added) {
    RETURN_IF_ERROR(WriteAt(file.fd(), path, piece.bytes, piece.to));
  }
  return WriteAt(file.fd(), path, layout.header, 0);
}

absl::Status Sync(int fd, const std::string& path) {
  if (fdatasync(fd) == 0) return absl::OkStatus();
  return ErrnoStatus(path, "cannot write the finished file to the disk");
}

// The new file as a whole.
std::string Assemble(const ModuleFile& module, const ModuleLayout& layout) {
  std::string bytes(layout.size, '\0');
  const auto put = [&bytes](absl::string_view piece, uint64_t to) {
    piece.copy(&bytes[to], piece.size());
  };
  for (const ModuleLayout::Kept& range : layout.kept) {
    put(module.bytes().substr(range.from, range.size), range.to);
  }
  for (const ModuleLayout::New& piece : layout.added)
    put(piece.bytes, piece.to);
  put(layout.header, 0);
  return bytes;
}

// The module as it is, for another output path.
std::unique_ptr<const ModuleLayout> CopyLayout(const ModuleFile& module) {
  auto layout = std::make_unique<ModuleLayout>();
  layout->size = module.bytes().size();
  layout->kept = {{0, 0, layout->size}};
  return layout;
}

}  // namespace

absl::StatusOr<util::UniqueFd> LockModule(const ModuleFile& module) {
  const std::string& path = module.path();
  ASSIGN_OR_RETURN(util::UniqueFd fd, util::OpenFile(path, O_RDWR));
  // File systems without locks still have the check below.
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return absl::AbortedError(
        absl::StrCat(path, ": is being written by somebody else"));
  }
  RETURN_IF_ERROR(CheckUnchanged(module));
  return fd;
}

absl::StatusOr<WriteResult> WriteLayout(const ModuleFile& module,
                                        const ModuleLayout& layout,
                                        const std::string& path, bool in_place,
                                        const WriteOptions& options) {
  util::UniqueFd lock;
  if (in_place) {
    ASSIGN_OR_RETURN(lock, LockModule(module));
  }
  const util::Replaced replaced = util::Replace(
      path, &module.status(), [&](const ReplacementFile& file) -> absl::Status {
        RETURN_IF_ERROR(Fill(module, layout, path, file));
        if (in_place) RETURN_IF_ERROR(CheckUnchanged(module));
        return options.sync ? Sync(file.fd(), path) : absl::OkStatus();
      });
  if (replaced.status.ok()) return WriteResult::kReplaced;
  if (!replaced.may_overwrite) return replaced.status;
  if (!in_place) {
    // An output that is not there yet could not be made.
    auto output = util::OpenFile(path, O_RDWR);
    if (!output.ok()) return replaced.status;
    lock = *std::move(output);
  }
  RETURN_IF_ERROR(util::Overwrite(lock.get(), path, Assemble(module, layout),
                                  replaced.status, options.notice));
  if (options.sync) RETURN_IF_ERROR(Sync(lock.get(), path));
  return WriteResult::kInPlace;
}

absl::StatusOr<WriteResult> WriteModule(const ModuleFile& module,
                                        absl::Span<const SectionEdit> edits,
                                        const WriteOptions& options) {
  const std::string& path =
      options.output.empty() ? module.path() : options.output;
  bool in_place = true;
  if (!options.output.empty()) {
    struct stat output;
    in_place =
        stat(path.c_str(), &output) == 0 && SameFile(output, module.status());
  }
  ASSIGN_OR_RETURN(std::unique_ptr<const ModuleLayout> layout,
                   PlanLayout(module, edits, options.drop_signature));
  if (layout == nullptr) {
    if (in_place) return WriteResult::kUnchanged;
    layout = CopyLayout(module);
  }
  if (in_place && module.status().st_nlink == 1 && layout->only_truncates) {
    ASSIGN_OR_RETURN(const util::UniqueFd fd, LockModule(module));
    if (ftruncate(fd.get(), layout->size) == 0) return WriteResult::kInPlace;
    return ErrnoStatus(path, "cannot cut off the signature");
  }
  if (!in_place && util::IsWrittenThrough(path)) {
    RETURN_IF_ERROR(util::WriteThrough(path, Assemble(module, *layout)));
    return WriteResult::kThrough;
  }
  return WriteLayout(module, *layout, path, in_place, options);
}

}  // namespace btfd::elf
