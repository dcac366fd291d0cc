// SPDX-License-Identifier: Apache-2.0
#include "lib/elf/flat_image.h"

#include <algorithm>

#include "lib/util/endian.h"

namespace btfd::elf {

namespace {

constexpr size_t kMagicAt = 0x38;  // of both
// BTF's magic, its version and its flags, in little endian, which both have.
constexpr absl::string_view kBtfStart("\x9f\xeb\x01\0", 4);
constexpr uint32_t kMinHeader = 24;
constexpr uint32_t kMaxHeader = 4096;
constexpr uint32_t kHeaderWithLayout = 32;

uint32_t Word(absl::string_view bytes, size_t offset) {
  return util::LoadLittleEndian<uint32_t>(&bytes[offset]);
}

// How long the BTF is that starts so; 0 if it is none.
uint64_t BtfLength(absl::string_view bytes) {
  if (bytes.size() < kMinHeader) return 0;
  const uint32_t header = Word(bytes, 4);
  if (header < kMinHeader || header > kMaxHeader || header % 4 != 0) return 0;
  const uint64_t type_length = Word(bytes, 12);
  const uint64_t string_offset = Word(bytes, 16);
  const uint64_t string_length = Word(bytes, 20);
  uint64_t end =
      std::max(Word(bytes, 8) + type_length, string_offset + string_length);
  if (header >= kHeaderWithLayout && bytes.size() >= kHeaderWithLayout) {
    end = std::max(end, uint64_t{Word(bytes, 24)} + Word(bytes, 28));
  }
  end += header;
  if (type_length == 0 || string_length == 0 || end > bytes.size()) return 0;
  // Strings begin with the empty one, and end with a NUL.
  const absl::string_view strings =
      bytes.substr(header + string_offset, string_length);
  return strings.front() == '\0' && strings.back() == '\0' ? end : 0;
}

}  // namespace

const char* FlatImageName(absl::string_view bytes) {
  if (bytes.size() < kMagicAt + 4) return nullptr;
  const absl::string_view magic = bytes.substr(kMagicAt, 4);
  if (magic == "ARM\x64") return "an arm64 Image";
  if (magic == "RSC\x05") return "a RISC-V Image";
  return nullptr;
}

std::optional<absl::string_view> FindBtf(absl::string_view image) {
  std::optional<absl::string_view> largest;
  for (size_t at = 0;
       (at = image.find(kBtfStart, at)) != absl::string_view::npos; ++at) {
    const uint64_t length = BtfLength(image.substr(at));
    if (length > (largest.has_value() ? largest->size() : 0)) {
      largest = image.substr(at, length);
    }
  }
  return largest;
}

std::optional<absl::string_view> ZbootPayload(absl::string_view bytes) {
  constexpr size_t kHeaderEnd = 16;
  if (bytes.size() < kHeaderEnd || bytes.substr(0, 2) != "MZ" ||
      bytes.substr(4, 4) != "zimg") {
    return std::nullopt;
  }
  const uint64_t offset = Word(bytes, 8);
  const uint64_t length = Word(bytes, 12);
  if (offset > bytes.size() || length > bytes.size() - offset) {
    return std::nullopt;
  }
  return bytes.substr(offset, length);
}

}  // namespace btfd::elf
