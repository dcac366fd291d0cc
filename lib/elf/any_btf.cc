// SPDX-License-Identifier: Apache-2.0
#include "lib/elf/any_btf.h"

#include <elf.h>
#include <fcntl.h>

#include <utility>

#include "absl/strings/match.h"
#include "lib/elf/compressed.h"
#include "lib/elf/kernel_image.h"
#include "lib/util/regular_file.h"
#include "lib/util/status_macros.h"

namespace btfd::elf {

namespace {

constexpr absl::string_view kElfMagic(ELFMAG, SELFMAG);

bool IsPlain(absl::string_view bytes) {
  return HasBtfMagic(bytes) || absl::StartsWith(bytes, kElfMagic);
}

}  // namespace

absl::StatusOr<BtfSource> AnyBtfFromBytes(util::FileBytes bytes,
                                          const std::string& path) {
  if (IsPlain(bytes.view())) {
    return BtfSourceFromBytes(std::move(bytes), path);
  }
  const Compression compression = CompressionOf(bytes.view());
  if (compression != Compression::kNone) {
    DecompressOptions options;
    options.max_output = kMaxVmlinux;
    ASSIGN_OR_RETURN(bytes,
                     DecompressBytes(compression, bytes.view(), path, options));
    if (IsPlain(bytes.view())) {
      return BtfSourceFromBytes(std::move(bytes), path);
    }
  }
  ASSIGN_OR_RETURN(KernelImage image,
                   KernelImageFromBytes(std::move(bytes), path));
  BtfSource source;
  source.btf = image.btf;
  source.file = std::move(image.vmlinux);
  source.raw = std::move(image.raw);
  return source;
}

absl::StatusOr<BtfSource> ReadAnyBtf(const std::string& path) {
  ASSIGN_OR_RETURN(const util::UniqueFd fd,
                   util::OpenFile(path, O_RDONLY | O_NONBLOCK));
  return ReadAnyBtf(fd.get(), path);
}

absl::StatusOr<BtfSource> ReadAnyBtf(int fd, const std::string& path) {
  RETURN_IF_ERROR(util::CheckRegularFd(fd, path));
  ASSIGN_OR_RETURN(util::FileBytes bytes, util::FileBytes::FromFd(fd, path));
  return AnyBtfFromBytes(std::move(bytes), path);
}

}  // namespace btfd::elf
