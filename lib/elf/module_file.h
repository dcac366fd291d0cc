// SPDX-License-Identifier: Apache-2.0
//
// A kernel module, or any other ELF file with BTF, open for reading: where its
// BTF sections are, and the symbols that say what .BTF_ids is to hold. All
// four forms of ELF, extended section numbering included.
//
// The file is mapped, not read: what is not asked for is not touched. Without
// .BTF_ids that means the ELF header, the section headers and their names.
//
// Sources of the format: System V ABI (ELF), Linux scripts/sign-file.c and
// include/linux/module_signature.h (the appended signature).
#ifndef BTFD_LIB_ELF_MODULE_FILE_H_
#define BTFD_LIB_ELF_MODULE_FILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/elf/elf_format.h"
#include "lib/util/file.h"

namespace btfd::elf {

inline constexpr absl::string_view kBtf = ".BTF";
inline constexpr absl::string_view kBtfBase = ".BTF.base";
inline constexpr absl::string_view kBtfIds = ".BTF_ids";

// One section. The views are into the ModuleFile's map and live as long.
struct Section {
  uint32_t index = 0;
  absl::string_view name;
  Elf64_Shdr header{};        // sh_offset, sh_addr, sh_type, ...
  absl::string_view content;  // empty for SHT_NOBITS and SHT_NULL
};

// A symbol of .BTF_ids. `name` is whole (with __BTF_ID__) and a view as above.
struct IdSymbol {
  absl::string_view name;
  uint64_t value = 0;
  uint64_t size = 0;
};

// Movable; const members are thread-safe.
class ModuleFile {
 public:
  // kReadWrite: so that the file can be patched in place afterwards; and
  // because resolve_btfids opens its ELF so, even where it only reads.
  enum class Access { kRead, kReadWrite };

  // Errors: what open(2) says; InvalidArgument, naming section and offset, for
  // what is no ELF file, or one whose section headers, section names or
  // section contents are not within the file.
  static absl::StatusOr<ModuleFile> Open(const std::string& path,
                                         Access access = Access::kRead);
  // The same on an open file; `path` is what messages call it.
  static absl::StatusOr<ModuleFile> FromFd(util::UniqueFd fd,
                                           const std::string& path);

  // The same where the content is had already. Without a descriptor it cannot
  // be written to.
  static absl::StatusOr<ModuleFile> FromBytes(util::UniqueFd fd,
                                              util::FileBytes bytes,
                                              const std::string& path);

  const std::string& path() const { return path_; }
  int fd() const { return fd_.get(); }
  absl::string_view bytes() const { return bytes_.view(); }
  // The file's state before it was mapped, to tell whether it changed since.
  const struct stat& status() const { return bytes_.status(); }
  ElfForm form() const { return form_; }
  const Elf64_Ehdr& header() const { return header_; }

  // Sections, by index; 0 is the reserved one. Extended numbering is resolved.
  uint32_t section_count() const { return section_count_; }
  uint32_t section_names_index() const { return names_index_; }
  Section section(uint32_t index) const;  // precondition: index < count
  // The content of section_names_index(): the table of section names.
  absl::string_view section_names() const { return names_; }

  // The last section of that name, as libbpf and resolve_btfids take it; or
  // nothing.
  const std::optional<Section>& btf() const { return btf_; }
  const std::optional<Section>& btf_base() const { return btf_base_; }
  // .BTF_ids: the last one is what ids are collected for; the first one is
  // what resolve_btfids --patch_btfids writes to.
  const std::optional<Section>& btf_ids() const { return btf_ids_; }
  const std::optional<Section>& first_btf_ids() const { return first_btf_ids_; }
  // Whether there are ids to resolve: .BTF_ids, and a symbol table to say
  // which. resolve_btfids passes over them in silence if either is missing.
  bool has_ids() const { return btf_ids_.has_value() && symbol_table_ != 0; }

  // Contents that are BTF by their magic. NotFound without the section;
  // InvalidArgument where it is NOBITS or otherwise not SHT_PROGBITS, empty,
  // or starts otherwise.
  absl::StatusOr<absl::string_view> BtfContent() const;
  absl::StatusOr<absl::string_view> BtfBaseContent() const;

  // The symbols of btf_ids() whose name starts with __BTF_ID__, from the last
  // SHT_SYMTAB, in its order. NotFound without .BTF_ids or symbol table;
  // InvalidArgument where the table is defective, a symbol of .BTF_ids has no
  // proper name, or .BTF_ids has symbols but is NOBITS.
  absl::StatusOr<std::vector<IdSymbol>> IdSymbols() const;

  // InvalidArgument: "PATH: section N (NAME) at offset O: WHAT".
  absl::Status BadSection(const Section& section, absl::string_view what) const;

  // Whether the file ends in the marker of an appended signature.
  bool has_signature() const;
  // The length of what was signed; of the file where no signature is. A
  // signature under another one is passed over as well. InvalidArgument for a
  // marker without a sensible signature before it.
  absl::StatusOr<uint64_t> PayloadSize() const;

 private:
  ModuleFile(std::string path, util::UniqueFd fd, util::FileBytes bytes);

  absl::Status ReadHeader();
  absl::Status ReadSections();
  absl::Status CountSections();
  absl::Status FindSectionNames();
  void NoteSection(const Section& section);
  absl::Status BadSectionTable(absl::string_view what) const;
  absl::Status BadSectionNames(uint64_t offset, absl::string_view what) const;
  absl::Status CheckSection(uint32_t index) const;
  Elf64_Shdr SectionHeader(uint32_t index) const;
  absl::StatusOr<absl::string_view> CheckedBtf(
      const std::optional<Section>& section, absl::string_view name) const;

  std::string path_;
  util::UniqueFd fd_;
  util::FileBytes bytes_;
  ElfForm form_;
  Elf64_Ehdr header_{};
  uint32_t section_count_ = 0;
  uint32_t names_index_ = 0;
  absl::string_view names_;
  uint32_t symbol_table_ = 0;  // the last one's section index; 0: none
  std::optional<Section> btf_;
  std::optional<Section> btf_base_;
  std::optional<Section> btf_ids_;
  std::optional<Section> first_btf_ids_;
};

// Where BTF for --btf and --btf_base comes from. `btf` is not empty and has
// the magic; `btf_base` is there if an ELF file has that section. Views into
// `file` or `raw`, valid also after a move.
struct BtfSource {
  absl::string_view btf;
  std::optional<absl::string_view> btf_base;

  std::optional<ModuleFile> file;  // an ELF file,
  util::FileBytes raw;             // or one that is raw BTF
};

// Raw BTF if the file starts with its magic in either byte order, else ELF.
// NotFound for an ELF file without .BTF, and errors as of ModuleFile.
absl::StatusOr<BtfSource> ReadBtfSource(const std::string& path);
// The same of an open file, which stays the caller's; `path` is what messages
// call it.
absl::StatusOr<BtfSource> ReadBtfSource(int fd, const std::string& path);
// The same of a file's content.
absl::StatusOr<BtfSource> BtfSourceFromBytes(util::FileBytes bytes,
                                             const std::string& path);

// Whether the bytes start with BTF's magic, in either byte order.
bool HasBtfMagic(absl::string_view bytes);

}  // namespace btfd::elf

#endif  // BTFD_LIB_ELF_MODULE_FILE_H_
