// SPDX-License-Identifier: Apache-2.0
//
// Writes sections into a module so that, whatever kills the writer and when,
// the file is the old module or the whole new one, bit for bit.
//
// The writer makes a new file beside the module. Then the two files swap their
// names (RENAME_EXCHANGE; rename(2) where the file system cannot do that), and
// the old one, which has the temporary name now, is removed. Symbolic links are
// followed. See util's ReplacementFile. What stays is copied by the kernel,
// without passing through the process, and shares its blocks with the old file
// where the file system can do that; all in all this costs less than what
// objcopy does. Mode and, as far as permitted, owner are the module's. Its
// other hard links keep the old module. Only what one system call can do within
// one page, or by a truncation, is done in place.
//
// What is promised:
// - Killed (SIGKILL, out of memory) at any point: old or new, bit for bit. A
//   file .tmp_btfd_PID_N may be left beside the module; nobody reads it, and
//   kbuild's `make clean` removes it. tests/faults kills at every write.
// - Full disk, quota, I/O error while writing: an error, and the old module.
// - Where the module cannot be replaced (it is a mount point, its directory
//   cannot be written to, there is no room for a second copy), it is
//   overwritten after a notice, new contents first and the ELF header last: a
//   kill may leave it broken where sections have to move, else only longer.
// - Power cut: nothing without WriteOptions::sync. The file system may write
//   the new name to the disk before the new contents (ext4, xfs and btrfs all
//   may), so a module that was written in the last half minute or so can be
//   empty or short afterwards. ext4 and btrfs begin to write a file when it is
//   renamed over another one, but not when two files swap their names; that
//   wait, which can be longer than all the rest, is why they swap.
//   With WriteOptions::sync the contents are on the disk before the swap, so
//   the module is the old one or the whole new one.
// - Two writers of one module: a lock (flock), and a comparison of inode, size
//   and times, make the second one fail with Aborted, and change nothing.
//
// In the new file, new contents, section names and section headers stand behind
// all that was there, and what was replaced remains as dead bytes. Where these
// would become too many (more than 64 KiB and more than a quarter of the live
// ones), or a signature goes, the live ones alone are kept, so that finalizing
// again and again cannot grow a file for ever. What a segment holds (vmlinux)
// stays where it is.
#ifndef BTFD_LIB_ELF_MODULE_WRITER_H_
#define BTFD_LIB_ELF_MODULE_WRITER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "lib/elf/module_file.h"
#include "lib/elf/module_layout.h"
#include "lib/util/file.h"
#include "lib/util/write_output.h"

namespace btfd::elf {

struct WriteOptions {
  bool drop_signature = false;
  std::string output;  // empty: the module itself
  // Waits until the disk has the new contents before they take the module's
  // name; see "power cut" above.
  bool sync = false;
  util::Notice notice;  // of what cannot be promised; may be null
};

enum class WriteResult {
  kUnchanged,  // everything is there already: the file was not touched
  kInPlace,    // its signature was cut off, or it was overwritten
  kReplaced,   // a new file is in its place, or at the output path
  kThrough,    // the output is no regular file, and was written to
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

// Carries out a layout of the module at `path`; `in_place`: that is the module
// itself. What WriteModule() does of its edits' layout.
absl::StatusOr<WriteResult> WriteLayout(const ModuleFile& module,
                                        const ModuleLayout& layout,
                                        const std::string& path, bool in_place,
                                        const WriteOptions& options);

// The module, open for writing. While the descriptor lives, nobody else who
// asks writes to it. Aborted if somebody does, or did since it was read.
absl::StatusOr<util::UniqueFd> LockModule(const ModuleFile& module);

}  // namespace btfd::elf

#endif  // BTFD_LIB_ELF_MODULE_WRITER_H_
