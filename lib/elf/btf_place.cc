// SPDX-License-Identifier: Apache-2.0
#include "lib/elf/btf_place.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "lib/elf/elf_format.h"
#include "lib/elf/module_file.h"
#include "lib/util/content_sample.h"

namespace btfd::elf {

namespace {

// No vmlinux comes near to these; whatever does is left to the full parser.
constexpr uint64_t kMaxSections = 4096;
constexpr uint64_t kMaxNames = uint64_t{1} << 20;

std::optional<std::string> Read(int fd, uint64_t file_size, uint64_t offset,
                                uint64_t size) {
  if (offset > file_size || size > file_size - offset) return std::nullopt;
  std::string bytes(size, '\0');
  if (!util::ReadAt(fd, offset, bytes.data(), size)) return std::nullopt;
  return bytes;
}

// The name at `offset` of the table, or an empty one.
absl::string_view NameAt(absl::string_view names, uint64_t offset) {
  if (offset >= names.size()) return {};
  const absl::string_view rest = names.substr(offset);
  return rest.substr(0, std::min(rest.find('\0'), rest.size()));
}

std::optional<BtfPlace> FindSection(int fd, uint64_t file_size,
                                    absl::string_view start) {
  ElfForm form;
  form.is_64bit = start[EI_CLASS] == ELFCLASS64;
  form.big_endian = start[EI_DATA] == ELFDATA2MSB;
  const Elf64_Ehdr header = DecodeHeader(form, start.data());
  const size_t entry = form.section_header_size();
  if (header.e_shentsize != entry || header.e_shnum > kMaxSections ||
      header.e_shstrndx >= header.e_shnum) {
    return std::nullopt;
  }
  const auto table =
      Read(fd, file_size, header.e_shoff, entry * header.e_shnum);
  if (!table.has_value()) return std::nullopt;
  const auto section = [&](size_t index) {
    return DecodeSectionHeader(form, table->data() + index * entry);
  };
  const Elf64_Shdr strings = section(header.e_shstrndx);
  if (strings.sh_type != SHT_STRTAB || strings.sh_size > kMaxNames) {
    return std::nullopt;
  }
  const auto names = Read(fd, file_size, strings.sh_offset, strings.sh_size);
  if (!names.has_value()) return std::nullopt;

  std::optional<Elf64_Shdr> btf;
  BtfPlace place;
  for (size_t i = 1; i < header.e_shnum; ++i) {
    const Elf64_Shdr candidate = section(i);
    if (NameAt(*names, candidate.sh_name) == kBtf) btf = candidate;
    if (candidate.sh_type != SHT_NOTE) continue;
    const auto notes =
        Read(fd, file_size, candidate.sh_offset,
             std::min(candidate.sh_size, kMaxNotes - place.notes.size()));
    if (!notes.has_value()) return std::nullopt;
    place.notes += *notes;
  }
  if (!btf.has_value() || btf->sh_type != SHT_PROGBITS ||
      (btf->sh_flags & SHF_COMPRESSED) != 0 || btf->sh_offset > file_size ||
      btf->sh_size > file_size - btf->sh_offset) {
    return std::nullopt;
  }
  place.offset = btf->sh_offset;
  place.size = btf->sh_size;
  return place;
}

}  // namespace

std::optional<BtfPlace> FindBtfPlace(int fd, uint64_t file_size) {
  char start[sizeof(Elf64_Ehdr)] = {};
  const size_t size = std::min<uint64_t>(file_size, sizeof(start));
  if (!util::ReadAt(fd, 0, start, size)) return std::nullopt;
  const absl::string_view seen(start, size);
  if (HasBtfMagic(seen)) return BtfPlace{0, file_size, ""};
  if (size < sizeof(start) || !absl::StartsWith(seen, ELFMAG)) {
    return std::nullopt;
  }
  return FindSection(fd, file_size, seen);
}

}  // namespace btfd::elf
