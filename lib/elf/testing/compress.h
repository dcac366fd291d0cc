// SPDX-License-Identifier: Apache-2.0
//
// Compresses for tests, as kernels and modules are.
#ifndef BTFD_LIB_ELF_TESTING_COMPRESS_H_
#define BTFD_LIB_ELF_TESTING_COMPRESS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "lib/elf/compressed.h"

namespace btfd::elf {

// Precondition: not kNone.
std::string Compress(Compression compression, absl::string_view bytes);

// An x86 boot image as of boot protocol 2.15, with `payload` where its setup
// header says; nothing in it would boot.
std::string MakeBzImage(absl::string_view payload);

}  // namespace btfd::elf

#endif  // BTFD_LIB_ELF_TESTING_COMPRESS_H_
