// SPDX-License-Identifier: Apache-2.0
#include "lib/elf/bpf_object.h"

#include <elf.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/util/status_macros.h"

namespace btfd::elf {

namespace {

constexpr absl::string_view kBtfExt = ".BTF.ext";

absl::StatusOr<BpfObject> TakeSections(ModuleFile file) {
  ASSIGN_OR_RETURN(const absl::string_view btf, file.BtfContent());
  // The last one counts, as with .BTF.
  std::optional<Section> ext;
  for (uint32_t i = 1; i < file.section_count(); ++i) {
    Section section = file.section(i);
    if (section.name == kBtfExt) ext = std::move(section);
  }
  if (!ext.has_value()) {
    return absl::NotFoundError(
        absl::StrCat(file.path(), ": no section ", kBtfExt,
                     "; clang -target bpf writes it with -g"));
  }
  if (ext->header.sh_type != SHT_PROGBITS) {
    return file.BadSection(*ext, absl::StrCat("of type ", ext->header.sh_type,
                                              " instead of PROGBITS"));
  }
  const absl::string_view content = ext->content;
  const uint32_t pointer_size = file.form().is_64bit ? 8 : 4;
  return BpfObject{std::move(file), btf, content, pointer_size};
}

}  // namespace

absl::StatusOr<BpfObject> ReadBpfObject(const std::string& path) {
  ASSIGN_OR_RETURN(ModuleFile file, ModuleFile::Open(path));
  return TakeSections(std::move(file));
}

absl::StatusOr<BpfObject> BpfObjectFromBytes(util::FileBytes bytes,
                                             const std::string& path) {
  ASSIGN_OR_RETURN(
      ModuleFile file,
      ModuleFile::FromBytes(util::UniqueFd(), std::move(bytes), path));
  return TakeSections(std::move(file));
}

}  // namespace btfd::elf
