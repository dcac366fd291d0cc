// SPDX-License-Identifier: Apache-2.0
//
// An object file of BPF programs, as `clang -target bpf -g` makes it: the two
// sections that say which types of the kernel it depends on.
//
// libelf would read it as well; ModuleFile, which reads it here, checks all
// bounds once and names section and offset in its errors.
#ifndef BTFD_LIB_ELF_BPF_OBJECT_H_
#define BTFD_LIB_ELF_BPF_OBJECT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/elf/module_file.h"

namespace btfd::elf {

// Views into `file`, valid also after a move.
struct BpfObject {
  ModuleFile file;
  absl::string_view btf;
  absl::string_view btf_ext;
  uint32_t pointer_size = 8;  // of the ELF file: 4 or 8 bytes
};

// In either byte order. Errors: as of ModuleFile::Open() and BtfContent();
// NotFound, naming the section, where there is no .BTF or no .BTF.ext.
absl::StatusOr<BpfObject> ReadBpfObject(const std::string& path);
// The same of bytes that are there already; `path` is what messages call them.
absl::StatusOr<BpfObject> BpfObjectFromBytes(util::FileBytes bytes,
                                             const std::string& path);

}  // namespace btfd::elf

#endif  // BTFD_LIB_ELF_BPF_OBJECT_H_
