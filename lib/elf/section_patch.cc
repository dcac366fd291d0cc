// SPDX-License-Identifier: Apache-2.0
//
// The note is text for people in its first line, then numbers (each eight
// bytes, little-endian), the section's old and new content, and a digest of all
// that: a note that was not written to its end counts for nothing, and nothing
// was written to the file then.
#include "lib/elf/section_patch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/elf/module_layout.h"
#include "lib/elf/module_writer.h"
#include "lib/util/digest.h"
#include "lib/util/endian.h"
#include "lib/util/file.h"
#include "lib/util/status_macros.h"

namespace btfd::elf {

namespace {

// A write of less than that, within its bounds, is done or not: the kernel
// looks for a kill between pages.
constexpr uint64_t kPageSize = 4096;

constexpr absl::string_view kNoteTitle =
    "btfd: a section of the file with this inode is being patched; run the "
    "same command again\n";

// What is to be written where.
struct Patch {
  uint64_t offset = 0;
  uint64_t end = 0;  // of the file
  absl::string_view before, after;
};

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

std::string NotePath(const ModuleFile& module) {
  char real[PATH_MAX];
  const bool found = realpath(module.path().c_str(), real) != nullptr;
  const std::string target = found ? real : module.path();
  const size_t slash = target.rfind('/');
  return absl::StrCat(
      slash == std::string::npos ? "" : target.substr(0, slash + 1),
      ".tmp_btfd_patch_", module.status().st_ino);
}

void AppendNumber(uint64_t number, std::string* to) {
  char bytes[8];
  util::StoreLittleEndian(bytes, number);
  to->append(bytes, sizeof(bytes));
}

std::string EncodeNote(const Patch& patch) {
  std::string note(kNoteTitle);
  AppendNumber(patch.offset, &note);
  AppendNumber(patch.end, &note);
  AppendNumber(patch.before.size(), &note);
  absl::StrAppend(&note, patch.before, patch.after);
  absl::StrAppend(&note, util::Digest::Of(note).binary());
  return note;
}

// Views into `note`; nothing if that is not whole.
std::optional<Patch> DecodeNote(absl::string_view note) {
  constexpr size_t kNumbers = 3 * 8, kDigest = 32;
  if (note.size() < kNoteTitle.size() + kNumbers + kDigest) return std::nullopt;
  const absl::string_view body = note.substr(0, note.size() - kDigest);
  if (util::Digest::Of(body).binary() != note.substr(body.size()) ||
      !absl::ConsumePrefix(&note, kNoteTitle)) {
    return std::nullopt;
  }
  Patch patch;
  patch.offset = util::LoadLittleEndian<uint64_t>(note.data());
  patch.end = util::LoadLittleEndian<uint64_t>(note.data() + 8);
  const uint64_t size = util::LoadLittleEndian<uint64_t>(note.data() + 16);
  const size_t contents = note.size() - kNumbers - kDigest;
  if (contents % 2 != 0 || size != contents / 2) return std::nullopt;
  patch.before = note.substr(kNumbers, size);
  patch.after = note.substr(kNumbers + size, size);
  return patch;
}

// Whether `content` is what a killed writer leaves: the beginning of what is to
// be, then what was.
bool IsBetween(absl::string_view content, const Patch& patch) {
  const auto common =
      std::mismatch(content.begin(), content.end(), patch.after.begin());
  const size_t written = common.first - content.begin();
  return content.substr(written) == patch.before.substr(written);
}

absl::Status WriteNote(const std::string& path, const Patch& patch) {
  unlink(path.c_str());  // of an earlier patch; this one writes all of it
  ASSIGN_OR_RETURN(
      util::UniqueFd fd,
      util::OpenFile(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  const absl::Status written =
      util::WriteAt(fd.get(), path, EncodeNote(patch), 0);
  if (!written.ok()) unlink(path.c_str());
  return written;
}

absl::Status Carry(int fd, const ModuleFile& module, const Patch& patch) {
  RETURN_IF_ERROR(util::WriteAt(fd, module.path(), patch.after, patch.offset));
  if (module.bytes().size() <= patch.end || ftruncate(fd, patch.end) == 0) {
    return absl::OkStatus();
  }
  return util::ErrnoStatus(module.path(), "cannot cut off what is behind it");
}

absl::Status PatchLargeFile(const ModuleFile& module, const Patch& patch,
                            const util::Notice& notice) {
  ASSIGN_OR_RETURN(const util::UniqueFd fd, LockModule(module));
  const std::string note = NotePath(module);
  const absl::Status noted = WriteNote(note, patch);
  if (!noted.ok() && notice) {
    notice(absl::StrCat(module.path(),
                        ": is patched without a note beside it (",
                        noted.message(),
                        "): killed meanwhile, it would be "
                        "half patched"));
  }
  RETURN_IF_ERROR(Carry(fd.get(), module, patch));
  if (noted.ok()) unlink(note.c_str());
  return absl::OkStatus();
}

}  // namespace

absl::Status PatchSectionInPlace(const ModuleFile& module,
                                 const Section& section,
                                 absl::string_view content,
                                 const util::Notice& notice) {
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
    return util::WriteAt(module.fd(), module.path(), content, from);
  }
  if (module.bytes().size() > kCheapCopy) {
    return PatchLargeFile(module, {from, end, section.content, content},
                          notice);
  }
  ModuleLayout layout;
  layout.size = end;
  layout.kept = {{0, 0, end}};
  layout.added = {{from, content}};
  layout.header =
      std::string(module.bytes().substr(0, module.form().header_size()));
  WriteOptions options;
  options.notice = notice;
  return WriteLayout(module, layout, module.path(), /*in_place=*/true, options)
      .status();
}

absl::Status PatchBtfIds(const std::string& path, absl::string_view content,
                         const util::Notice& notice) {
  ASSIGN_OR_RETURN(const ModuleFile module,
                   ModuleFile::Open(path, ModuleFile::Access::kReadWrite));
  if (!module.first_btf_ids()) {
    return absl::NotFoundError(absl::StrCat(path, ": no section ", kBtfIds));
  }
  return PatchSectionInPlace(module, *module.first_btf_ids(), content, notice);
}

absl::StatusOr<bool> FinishBegunPatch(const ModuleFile& module) {
  if (module.bytes().size() <= kCheapCopy) return false;
  const std::string path = NotePath(module);
  const auto open = util::OpenFile(path, O_RDONLY | O_NOFOLLOW);
  if (absl::IsNotFound(open.status())) return false;
  RETURN_IF_ERROR(open.status());
  ASSIGN_OR_RETURN(const util::FileBytes note,
                   util::FileBytes::FromFd(open->get(), path));
  // Who patches just now holds the lock.
  ASSIGN_OR_RETURN(const util::UniqueFd fd, LockModule(module));
  const std::optional<Patch> patch = DecodeNote(note.view());
  bool finished = false;
  if (patch.has_value() && patch->offset <= module.bytes().size() &&
      patch->before.size() <= module.bytes().size() - patch->offset) {
    const absl::string_view content =
        module.bytes().substr(patch->offset, patch->before.size());
    if (content != patch->before && IsBetween(content, *patch)) {
      RETURN_IF_ERROR(Carry(fd.get(), module, *patch));
      finished = true;
    }
  }
  unlink(path.c_str());
  return finished;
}

}  // namespace btfd::elf
