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

namespace btfd::elf {
namespace {

using util::ErrnoStatus;
using util::ReplacementFile;
using util::WriteAt;

// A write of less than that, within its bounds, is done or not: the kernel
// looks for a kill between pages.
constexpr uint64_t kPageSize = 4096;

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

// While it lives, nobody else who asks writes to the module. Aborted if
// somebody does, or did since it was read.
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

absl::Status WriteReplacement(const ModuleFile& module,
                              const ModuleLayout& layout,
                              const std::string& path, bool in_place,
                              bool sync) {
  util::UniqueFd lock;
  if (in_place) {
    ASSIGN_OR_RETURN(lock, LockModule(module));
  }
  ASSIGN_OR_RETURN(ReplacementFile file,
                   ReplacementFile::Create(path, &module.status()));
  for (const ModuleLayout::Kept& range : layout.kept) {
    RETURN_IF_ERROR(CopyKept(module, range, file, path));
  }
  for (const ModuleLayout::New& piece : layout.added) {
    RETURN_IF_ERROR(WriteAt(file.fd(), path, piece.bytes, piece.to));
  }
  RETURN_IF_ERROR(WriteAt(file.fd(), path, layout.header, 0));
  if (in_place) RETURN_IF_ERROR(CheckUnchanged(module));
  if (sync && fdatasync(file.fd()) != 0) {
    return ErrnoStatus(path, "cannot write the finished file to the disk");
  }
  return file.Commit();
}

// The module as it is, for another output path.
std::unique_ptr<const ModuleLayout> CopyLayout(const ModuleFile& module) {
  auto layout = std::make_unique<ModuleLayout>();
  layout->size = module.bytes().size();
  layout->kept = {{0, 0, layout->size}};
  return layout;
}

// Where the last thing ends that the ELF headers speak of.
uint64_t EndByHeaders(const ModuleFile& module) {
  const Elf64_Ehdr& header = module.header();
  uint64_t end = module.form().header_size();
  if (header.e_phnum != 0) {
    end = std::max(
        end, header.e_phoff + uint64_t{header.e_phnum} * header.e_phentsize);
  }
  end = std::max(end, header.e_shoff + uint64_t{module.section_count()} *
                                           module.form().section_header_size());
  for (uint32_t i = 1; i < module.section_count(); ++i) {
    const Section section = module.section(i);
    end = std::max(end, section.header.sh_offset + section.content.size());
  }
  return end;
}

}  // namespace

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
  RETURN_IF_ERROR(
      WriteReplacement(module, *layout, path, in_place, options.sync));
  return WriteResult::kReplaced;
}

absl::Status PatchSectionInPlace(const ModuleFile& module,
                                 const Section& section,
                                 absl::string_view content) {
  if (section.content.empty() || section.content.size() != content.size()) {
    return absl::FailedPreconditionError(
        absl::StrCat(module.path(), ": section ", section.index, " (",
                     section.name, ") has ", section.content.size(),
                     " bytes in the file, and is to get ", content.size()));
  }
  const uint64_t from = section.header.sh_offset;
  const uint64_t end = EndByHeaders(module);
  const bool in_one_page =
      from / kPageSize == (from + content.size() - 1) / kPageSize;
  if (in_one_page && module.bytes().size() <= end) {
    return WriteAt(module.fd(), module.path(), content, from);
  }
  ModuleLayout layout;
  layout.size = end;
  layout.kept = {{0, 0, end}};
  layout.added = {{from, content}};
  layout.header =
      std::string(module.bytes().substr(0, module.form().header_size()));
  return WriteReplacement(module, layout, module.path(), /*in_place=*/true,
                          /*sync=*/false);
}

absl::Status PatchBtfIds(const std::string& path, absl::string_view content) {
  ASSIGN_OR_RETURN(const ModuleFile module,
                   ModuleFile::Open(path, ModuleFile::Access::kReadWrite));
  if (!module.first_btf_ids()) {
    return absl::NotFoundError(absl::StrCat(path, ": no section ", kBtfIds));
  }
  return PatchSectionInPlace(module, *module.first_btf_ids(), content);
}

}  // namespace btfd::elf
