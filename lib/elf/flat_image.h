// SPDX-License-Identifier: Apache-2.0
//
// A kernel laid out as it is in memory: what arm64 and RISC-V boot (Image), and
// what a zboot image unpacks. It has no sections, so the BTF in it is found by
// its header.
//
// Sources of the formats: Linux Documentation/arch/arm64/booting.rst and
// Documentation/arch/riscv/boot-image-header.rst (magic numbers);
// drivers/firmware/efi/libstub/zboot-header.S (zboot).
#ifndef BTFD_LIB_ELF_FLAT_IMAGE_H_
#define BTFD_LIB_ELF_FLAT_IMAGE_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace btfd::elf {

// "an arm64 Image" or "a RISC-V Image"; null for anything else.
const char* FlatImageName(absl::string_view bytes);

// The largest BTF in `image` by its header; nothing if there is none. Its place
// is that of the view in `image`. What stands in it was not looked at.
std::optional<absl::string_view> FindBtf(absl::string_view image);

// The compressed payload of a zboot image; nothing if it is none, or if the
// payload runs past its end.
std::optional<absl::string_view> ZbootPayload(absl::string_view bytes);

}  // namespace btfd::elf

#endif  // BTFD_LIB_ELF_FLAT_IMAGE_H_
