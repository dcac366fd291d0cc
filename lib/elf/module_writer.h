// SPDX-License-Identifier: Apache-2.0
//
// Writes sections into a module so that, whatever kills the writer and when,
// the file is the old module or the whole new one.
//
// Normally that is done without copying the module, however large: new
// contents, section names and section headers go behind the old end of the
// file, and then the ELF header, in one write of 64 (52) bytes, is switched
// over to them. Until then the bytes behind the old end mean nothing to
// anybody; what could not be finished because of an error is cut off again.
// The inode stays, symbolic links are followed.
//
// A complete copy beside the module, renamed over it, is made instead:
// - where the dead bytes would become too many (more than 64 KiB and more than
//   a quarter of the live ones), so that finalizing again and again cannot
//   grow a file for ever: the copy has the live ones alone;
// - where a signature is to be dropped and contents change: what is appended
//   behind a signature would make the old module an unsigned one;
// - where the file has other hard links: these keep the old module;
// - for another output path; mode and, as far as permitted, owner are the
//   module's;
// - where a section changes that a segment holds (vmlinux).
//
// All this holds for processes that are killed. Nothing is synced: after a
// power loss a module may be damaged, like any other file that a build made in
// its last seconds.
//
// Two writers of one module: a lock (flock) and a look at size and times of
// the file make the second one fail with Aborted, and change nothing.
#ifndef BTFD_LIB_ELF_MODULE_WRITER_H_
#define BTFD_LIB_ELF_MODULE_WRITER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "lib/elf/module_file.h"
#include "lib/elf/module_layout.h"

namespace btfd::elf {

struct WriteOptions {
  bool drop_signature = false;
  std::string output;  // empty: the module itself
};

enum class WriteResult {
  kUnchanged,  // everything is there already: the file was not touched
  kInPlace,    // appended to, or its signature cut off
  kReplaced,   // a new file is in its place, or at the output path
};

// Makes the edits. With the same edits again the result is kUnchanged. The
// ModuleFile shows the old module afterwards; open it anew to see the new one.
//
// Errors, all of which leave the module as it was: those of PlanLayout; what
// the system says (a full disk is ResourceExhausted), with the path; Aborted
// if the file changed since `module` was opened.
absl::StatusOr<WriteResult> WriteModule(const ModuleFile& module,
                                        absl::Span<const SectionEdit> edits,
                                        const WriteOptions& options);

// Overwrites a section where it is, as resolve_btfids patches .BTF_ids: not
// safe against a kill in the middle, for the sake of doing as upstream does.
// As its elf_update() does, this cuts off what is behind all that the headers
// speak of: an appended signature, which would be wrong now. `module` must be
// open for writing. FailedPrecondition where the sizes differ, the section is
// empty, or NOBITS.
absl::Status PatchSectionInPlace(const ModuleFile& module,
                                 const Section& section,
                                 absl::string_view content);

// resolve_btfids --patch_btfids: the same with the first section that is
// called .BTF_ids. NotFound where there is none.
absl::Status PatchBtfIds(const std::string& path, absl::string_view content);

}  // namespace btfd::elf

#endif  // BTFD_LIB_ELF_MODULE_WRITER_H_
