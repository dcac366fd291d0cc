// SPDX-License-Identifier: Apache-2.0
//
// BTF out of whatever file a user has: a module or vmlinux (ELF), raw BTF,
// either of them compressed, or a boot image (vmlinuz).
#ifndef BTFD_LIB_ELF_ANY_BTF_H_
#define BTFD_LIB_ELF_ANY_BTF_H_

#include <string>

#include "absl/status/statusor.h"
#include "lib/elf/module_file.h"
#include "lib/util/file.h"

namespace btfd::elf {

// Told by the content, never by the name. Errors, which name the file: as of
// ReadBtfSource() for an ELF file, of Decompress() for compressed data, and of
// ReadKernelImage() for all else.
absl::StatusOr<BtfSource> AnyBtfFromBytes(util::FileBytes bytes,
                                          const std::string& path);
// Besides, what open(2) says, or InvalidArgument for what is no regular file.
absl::StatusOr<BtfSource> ReadAnyBtf(const std::string& path);
// The same of an open file, which stays the caller's.
absl::StatusOr<BtfSource> ReadAnyBtf(int fd, const std::string& path);

}  // namespace btfd::elf

#endif  // BTFD_LIB_ELF_ANY_BTF_H_
