// SPDX-License-Identifier: Apache-2.0
//
// Overwrites a section where it is, as resolve_btfids patches .BTF_ids:
// upstream's cost, which is the section's and not the file's, and more than its
// promise.
//
// What is promised where the writer is killed:
// - Within one page, one write to the file: old or new, bit for bit.
// - Over several pages of a file of up to kCheapCopy bytes: it is replaced as a
//   whole (module_writer.h): old or new, bit for bit.
// - Of a larger file (vmlinux), the old and the new content of the section are
//   first noted beside it, in .tmp_btfd_patch_INODE; then the section is
//   written, and the note is removed. The kernel may stop a write between two
//   pages only, so that a kill leaves old, new, or the beginning of the new
//   before the rest of the old, and then with the note. Whoever opens the file
//   with FinishBegunPatch() (resolve_btfids and btfc finalize do) completes it.
// - Where nothing can be noted beside the file either, a notice says so, and it
//   is as with upstream's tool.
// Other hard links see the patch unless the file was replaced.
#ifndef BTFD_LIB_ELF_SECTION_PATCH_H_
#define BTFD_LIB_ELF_SECTION_PATCH_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/elf/module_file.h"
#include "lib/util/write_output.h"

namespace btfd::elf {

// Copying as much costs no more than some milliseconds.
inline constexpr uint64_t kCheapCopy = uint64_t{4} << 20;

// Gives the section new content of the same size. As upstream's elf_update()
// does, this cuts off what is behind all that the headers speak of: an appended
// signature, which would be wrong now. `module` must be open for writing.
// FailedPrecondition where the sizes differ, the section is empty, or NOBITS;
// Aborted as of WriteModule().
absl::Status PatchSectionInPlace(const ModuleFile& module,
                                 const Section& section,
                                 absl::string_view content,
                                 const util::Notice& notice);

// resolve_btfids --patch_btfids: the same with the first section that is
// called .BTF_ids. NotFound where there is none.
absl::Status PatchBtfIds(const std::string& path, absl::string_view content,
                         const util::Notice& notice);

// Completes a patch whose writer was killed; true if there was one, and then
// the file has to be opened anew. A note that does not belong to what is in the
// file is removed. Costs nothing for files of up to kCheapCopy bytes.
absl::StatusOr<bool> FinishBegunPatch(const ModuleFile& module);

}  // namespace btfd::elf

#endif  // BTFD_LIB_ELF_SECTION_PATCH_H_
