// SPDX-License-Identifier: Apache-2.0
//
// A kernel's BTF, out of whatever a kernel is kept in: the vmlinux of a build,
// a boot image that holds it compressed, a boot image that is the kernel as it
// is in memory (flat_image.h), or the BTF that a running kernel shows as
// /sys/kernel/btf/vmlinux.
//
// Source of the boot image's format: Linux Documentation/arch/x86/boot.rst
// (setup_sects, header, version, payload_offset, payload_length).
#ifndef BTFD_LIB_ELF_KERNEL_IMAGE_H_
#define BTFD_LIB_ELF_KERNEL_IMAGE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/elf/module_file.h"
#include "lib/util/file.h"

namespace btfd::elf {

struct KernelImage {
  // The content of .BTF, or all of a raw BTF; starts with BTF's magic. A view
  // into `vmlinux` or `raw`, valid also after a move.
  absl::string_view btf;
  // What that is, for people: "an ELF file", "raw BTF", "the zstd payload at
  // offset 16860 of a bzImage", "gzip data at offset 0", "BTF at offset
  // 32694272 of an arm64 Image".
  std::string origin;

  std::optional<ModuleFile> vmlinux;  // an ELF file with .BTF,
  util::FileBytes raw;                // or raw BTF

  // The file that was found: all of vmlinux, or the raw BTF.
  absl::string_view bytes() const {
    return vmlinux.has_value() ? vmlinux->bytes() : raw.view();
  }
};

// The largest vmlinux that is unpacked; Debian's are below 80 MiB.
inline constexpr uint64_t kMaxVmlinux = uint64_t{1} << 30;

// Takes the kernel out of `file`, which messages call `path`. In this order: an
// ELF file; raw BTF; a bzImage's payload; an arm64 or RISC-V Image, as it is or
// compressed (zboot, Image.gz); else the first place from which gzip, xz, zstd
// or lz4 data unpack to an ELF file with .BTF. Errors:
//   InvalidArgument    nothing of that kind in it; damaged (with the offset); a
//                      payload in a compression that is not known here
//   NotFound           an ELF file without .BTF, an Image without BTF
//   ResourceExhausted  more than max_vmlinux bytes
absl::StatusOr<KernelImage> KernelImageFromBytes(
    util::FileBytes file, const std::string& path,
    uint64_t max_vmlinux = kMaxVmlinux);

// The same for a file; besides, what open(2) says.
absl::StatusOr<KernelImage> ReadKernelImage(const std::string& path);

}  // namespace btfd::elf

#endif  // BTFD_LIB_ELF_KERNEL_IMAGE_H_
