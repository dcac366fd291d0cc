// SPDX-License-Identifier: Apache-2.0
//
// How a module's file is to look once some of its sections have new content:
// computed first, from the old file alone, and then carried out by
// module_writer. So the result does not depend on the way it is written.
#ifndef BTFD_LIB_ELF_MODULE_LAYOUT_H_
#define BTFD_LIB_ELF_MODULE_LAYOUT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "lib/elf/module_file.h"

namespace btfd::elf {

// New content for the section of that name, which is added if there is none;
// no content removes it.
struct SectionEdit {
  absl::string_view name;
  std::optional<absl::string_view> content;
};

// Not movable: `added` points into it.
struct ModuleLayout {
  ModuleLayout() = default;
  ModuleLayout(const ModuleLayout&) = delete;
  ModuleLayout& operator=(const ModuleLayout&) = delete;

  // `size` bytes at `from` in the old file are at `to` in the new one.
  struct Kept {
    uint64_t from, to, size;
  };
  // `bytes` are at `to`; over kept ones, if these are there.
  struct New {
    uint64_t to;
    absl::string_view bytes;
  };

  std::vector<Kept> kept;  // ascending; what no piece covers is zero
  std::vector<New> added;
  std::string header;  // the ELF header, at 0, over kept bytes
  uint64_t size = 0;   // of the new file

  // The new file is the beginning of the old one.
  bool only_truncates = false;

  // What `added` points to, besides the edits.
  std::string names, section_headers;
};

// Null if all sections already are as the edits want them, and
// there is no signature to drop. The edits' content must outlive the layout.
//
// Errors: FailedPrecondition where the edit cannot be made (.BTF_ids missing,
// or of another size; a section in a segment of another size; a file without
// sections; a signature that is not to be dropped), InvalidArgument for
// defects of the file (a name that two sections have is one), ResourceExhausted
// where an offset does not fit a 32-bit ELF.
absl::StatusOr<std::unique_ptr<const ModuleLayout>> PlanLayout(
    const ModuleFile& module, absl::Span<const SectionEdit> edits,
    bool drop_signature);

}  // namespace btfd::elf

#endif  // BTFD_LIB_ELF_MODULE_LAYOUT_H_
