// SPDX-License-Identifier: Apache-2.0
//
// Where the BTF of a file is, found by a few small reads: nothing is mapped, so
// that nobody who truncates the file meanwhile ends the reader, and vmlinux is
// not touched beyond its headers.
#ifndef BTFD_LIB_ELF_BTF_PLACE_H_
#define BTFD_LIB_ELF_BTF_PLACE_H_

#include <cstdint>
#include <optional>
#include <string>

namespace btfd::elf {

struct BtfPlace {
  uint64_t offset = 0;
  uint64_t size = 0;
  // What the ELF file's notes hold, its build id among them; cut off after
  // kMaxNotes bytes. Empty where there are none, and for raw BTF.
  std::string notes;
};
inline constexpr uint64_t kMaxNotes = 4096;

// As ReadBtfSource() would find it: raw BTF, or the last section .BTF of an ELF
// file. Nothing where that is not plainly so; ReadBtfSource() then says what is
// wrong, or copes.
std::optional<BtfPlace> FindBtfPlace(int fd, uint64_t file_size);

}  // namespace btfd::elf

#endif  // BTFD_LIB_ELF_BTF_PLACE_H_
