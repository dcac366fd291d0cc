// SPDX-License-Identifier: Apache-2.0
//
// New contents, the names if there is a new one, and a new section header table
// go behind what is there; the old ones become dead bytes. Where these would
// be many, or where a signature in between has to go, the live bytes of the
// old file are moved together instead. In a relocatable file nothing but the
// section headers says where a section is, so that is only a matter of
// sh_offset. A file with segments (vmlinux) is different: what is allocated
// there stays where it is, at its size.
#include "lib/elf/module_layout.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/util/status_macros.h"

namespace btfd::elf {
namespace {

// Dead bytes that are put up with: as many as a quarter of the live ones, and
// any number below this.
constexpr uint64_t kDeadBytesAllowed = 64 * 1024;

// File offsets of new contents: good for whoever maps the file and casts.
constexpr uint64_t kContentAlignment = 8;

uint64_t AlignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

// A section's alignment as far as its place in the file is concerned.
uint64_t FileAlignment(const Elf64_Shdr& header) {
  const uint64_t alignment = header.sh_addralign;
  const bool sensible = alignment != 0 && alignment <= 65536 &&
                        (alignment & (alignment - 1)) == 0;
  return sensible ? alignment : 1;
}

bool HasBytes(const Elf64_Shdr& header) {
  return header.sh_type != SHT_NOBITS && header.sh_type != SHT_NULL &&
         header.sh_size != 0;
}

// A run of live bytes of the old file; `to` where it is in a compact new one.
struct Run {
  uint64_t from, size, alignment, to;
  uint64_t end() const { return from + size; }
};

class Planner {
 public:
  Planner(const ModuleFile& module, bool drop_signature)
      : module_(module),
        drop_signature_(drop_signature),
        in_segments_(module.header().e_phnum != 0) {
    sections_.reserve(module.section_count() + 2);
    for (uint32_t i = 0; i < module.section_count(); ++i) {
      sections_.push_back({module.section(i).header, std::nullopt, false});
    }
  }

  absl::StatusOr<std::unique_ptr<const ModuleLayout>> Plan(
      absl::Span<const SectionEdit> edits);

 private:
  // A section of the new file: `content` if it is not that of the old file;
  // `fixed` if that stands in the old one's place.
  struct Planned {
    Elf64_Shdr header;
    std::optional<absl::string_view> content;
    bool fixed;
  };

  absl::Status CheckSignature();
  absl::Status CheckPayload() const;
  absl::Status Apply(const SectionEdit& edit);
  absl::Status Replace(const Section& section, absl::string_view content);
  void Add(absl::string_view name, absl::string_view content);
  uint32_t NameOffset(absl::string_view name);
  std::vector<Run> LiveRuns() const;
  void Keep();
  void Compact(std::vector<Run> runs);
  absl::Status PlaceNewContents();
  void PlaceSectionHeaders();

  const ModuleFile& module_;
  const bool drop_signature_;
  const bool in_segments_;
  uint64_t payload_ = 0;  // length of the old file, less what is dropped
  bool changed_ = false;
  std::vector<Planned> sections_;
  std::unique_ptr<ModuleLayout> layout_ = std::make_unique<ModuleLayout>();
};

absl::Status Planner::CheckSignature() {
  payload_ = module_.bytes().size();
  if (!module_.has_signature()) return absl::OkStatus();
  if (!drop_signature_) {
    return absl::FailedPreconditionError(
        absl::StrCat(module_.path(),
                     ": is signed, and a change would spoil the signature; "
                     "finalize before signing, or drop the signature"));
  }
  ASSIGN_OR_RETURN(payload_, module_.PayloadSize());
  return CheckPayload();
}

// Nothing that the headers speak of may be in what is dropped.
absl::Status Planner::CheckPayload() const {
  const uint64_t table_end =
      module_.header().e_shoff +
      uint64_t{module_.section_count()} * module_.form().section_header_size();
  if (table_end > payload_) {
    return absl::InvalidArgumentError(absl::StrCat(
        module_.path(), ": section header table at offset ",
        module_.header().e_shoff, ": reaches into the appended signature"));
  }
  for (uint32_t i = 1; i < sections_.size(); ++i) {
    const Elf64_Shdr& header = sections_[i].header;
    if (HasBytes(header) && header.sh_offset + header.sh_size > payload_) {
      return module_.BadSection(module_.section(i),
                                "reaches into the appended signature");
    }
  }
  return absl::OkStatus();
}

absl::Status Planner::Apply(const SectionEdit& edit) {
  std::optional<Section> section;
  for (uint32_t i = 1; i < module_.section_count(); ++i) {
    Section candidate = module_.section(i);
    if (candidate.name != edit.name) continue;
    if (section) {
      return module_.BadSection(
          candidate, absl::StrCat("section ", section->index,
                                  " has that name, too: the kernel would read "
                                  "that one, libbpf this one"));
    }
    section = candidate;
  }
  if (section) {
    if (edit.content) return Replace(*section, *edit.content);
    // The entry stays, unused: symbols and other sections go by index. So does
    // the offset: libelf's elf_update fills up to it, whatever is there.
    sections_[section->index].header = Elf64_Shdr{};
    sections_[section->index].header.sh_offset = section->header.sh_offset;
    changed_ = true;
    return absl::OkStatus();
  }
  if (!edit.content) return absl::OkStatus();
  if (edit.name == kBtfIds) {
    return absl::FailedPreconditionError(
        absl::StrCat(module_.path(), ": no section ", kBtfIds,
                     " to put the resolved ids into"));
  }
  if (sections_.size() < 2) {
    return absl::FailedPreconditionError(
        absl::StrCat(module_.path(), ": an ELF file without sections"));
  }
  Add(edit.name, *edit.content);
  return absl::OkStatus();
}

absl::Status Planner::Replace(const Section& section,
                              absl::string_view content) {
  const uint32_t type = section.header.sh_type;
  const bool has_content = type != SHT_NOBITS;
  if (type != SHT_PROGBITS && type != SHT_NOBITS) {
    return module_.BadSection(
        section, absl::StrCat("of type ", type, " instead of PROGBITS"));
  }
  if (has_content && section.content == content) return absl::OkStatus();
  const bool fixed = in_segments_ && (section.header.sh_flags & SHF_ALLOC) != 0;
  if ((fixed || section.name == kBtfIds) &&
      (!has_content || section.content.size() != content.size())) {
    return absl::FailedPreconditionError(
        absl::StrCat(module_.path(), ": section ", section.index, " (",
                     section.name, "): cannot change its size from ",
                     section.content.size(), " to ", content.size(), " bytes"));
  }
  Planned& planned = sections_[section.index];
  planned.content = content;
  planned.fixed = fixed;
  planned.header.sh_size = content.size();
  planned.header.sh_flags &= ~uint64_t{SHF_COMPRESSED};
  if (section.name != kBtfIds) planned.header.sh_type = SHT_PROGBITS;
  changed_ = true;
  return absl::OkStatus();
}

void Planner::Add(absl::string_view name, absl::string_view content) {
  Planned planned{};
  planned.header.sh_name = NameOffset(name);
  planned.header.sh_type = SHT_PROGBITS;
  planned.header.sh_size = content.size();
  planned.header.sh_addralign = 1;
  planned.content = content;
  changed_ = true;
  // An entry that was emptied before is taken again.
  for (uint32_t i = 1; i < sections_.size(); ++i) {
    if (sections_[i].header.sh_type == SHT_NULL) {
      sections_[i] = planned;
      return;
    }
  }
  sections_.push_back(planned);
}

// Finds the name in the table of names, or makes a longer table.
uint32_t Planner::NameOffset(absl::string_view name) {
  const std::string wanted = absl::StrCat(name, absl::string_view("\0", 1));
  Planned& table = sections_[module_.section_names_index()];
  const absl::string_view names =
      table.content ? *table.content : module_.section_names();
  size_t found = names.find(wanted);
  if (found == absl::string_view::npos) {
    found = names.size();
    layout_->names = absl::StrCat(names, wanted);
    table.content = layout_->names;
    table.header.sh_size = layout_->names.size();
  }
  return static_cast<uint32_t>(found);
}

// Header and contents that stay, merged where they overlap, ascending.
std::vector<Run> Planner::LiveRuns() const {
  std::vector<Run> runs = {{0, module_.form().header_size(), 1, 0}};
  for (size_t i = 1; i < sections_.size(); ++i) {
    const Planned& section = sections_[i];
    if (section.content || !HasBytes(section.header)) continue;
    runs.push_back({section.header.sh_offset, section.header.sh_size,
                    FileAlignment(section.header), 0});
  }
  std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) {
    return std::make_pair(a.from, a.size) < std::make_pair(b.from, b.size);
  });
  std::vector<Run> merged;
  for (const Run& run : runs) {
    if (merged.empty() || run.from >= merged.back().end()) {
      merged.push_back(run);
      continue;
    }
    Run& last = merged.back();
    last.size = std::max(last.end(), run.end()) - last.from;
    last.alignment = std::max(last.alignment, run.alignment);
  }
  return merged;
}

void Planner::Keep() {
  layout_->kept = {{0, 0, payload_}};
  layout_->size = payload_;
}

// Moves the runs together, each kept at the offset that it had modulo its
// alignment, and the section headers along.
void Planner::Compact(std::vector<Run> runs) {
  uint64_t end = 0;
  for (Run& run : runs) {
    run.to = end + (run.from - end) % run.alignment;
    end = run.to + run.size;
    if (!layout_->kept.empty()) {
      ModuleLayout::Kept& last = layout_->kept.back();
      if (run.from - last.from == run.to - last.to) {
        last.size = run.end() - last.from;
        continue;
      }
    }
    layout_->kept.push_back({run.from, run.to, run.size});
  }
  layout_->size = end;
  for (size_t i = 1; i < sections_.size(); ++i) {
    Elf64_Shdr& header = sections_[i].header;
    if (sections_[i].content) continue;
    // Sections without bytes are between or behind the runs.
    auto run = std::upper_bound(
        runs.begin(), runs.end(), header.sh_offset,
        [](uint64_t offset, const Run& run) { return offset < run.from; });
    --run;  // the first one is at 0
    header.sh_offset =
        run->to + std::min(header.sh_offset - run->from, run->size);
  }
}

absl::Status Planner::PlaceNewContents() {
  for (size_t i = 1; i < sections_.size(); ++i) {
    Planned& section = sections_[i];
    if (!section.content) continue;
    if (!section.fixed) {
      section.header.sh_offset =
          AlignUp(layout_->size,
                  std::max(kContentAlignment, FileAlignment(section.header)));
      layout_->size = section.header.sh_offset + section.content->size();
    }
    layout_->added.push_back({section.header.sh_offset, *section.content});
  }
  const size_t table_size =
      sections_.size() * module_.form().section_header_size();
  if (layout_->size > module_.form().max_word() - 8 - table_size) {
    return absl::ResourceExhaustedError(
        absl::StrCat(module_.path(),
                     ": would be larger than a 32-bit ELF file "
                     "can be"));
  }
  return absl::OkStatus();
}

void Planner::PlaceSectionHeaders() {
  Elf64_Ehdr header = module_.header();
  header.e_shoff = AlignUp(layout_->size, kContentAlignment);
  const uint64_t count = sections_.size();
  // Extended numbering (System V ABI, "ELF Header") from where it is needed.
  Elf64_Shdr& first = sections_[0].header;
  if (count >= SHN_LORESERVE) {
    header.e_shnum = 0;
    first.sh_size = count;
  } else if (header.e_shnum != 0) {
    header.e_shnum = static_cast<uint16_t>(count);
  } else {
    first.sh_size = count;  // used before, though not needed
  }

  const ElfForm form = module_.form();
  const size_t entry = form.section_header_size();
  layout_->section_headers.resize(count * entry);
  for (uint64_t i = 0; i < count; ++i) {
    EncodeSectionHeader(form, sections_[i].header,
                        &layout_->section_headers[i * entry]);
  }
  layout_->added.push_back({header.e_shoff, layout_->section_headers});
  layout_->size = header.e_shoff + layout_->section_headers.size();
  layout_->header.resize(form.header_size());
  EncodeHeader(form, header, &layout_->header[0]);
}

absl::StatusOr<std::unique_ptr<const ModuleLayout>> Planner::Plan(
    absl::Span<const SectionEdit> edits) {
  RETURN_IF_ERROR(CheckSignature());
  for (const SectionEdit& edit : edits) RETURN_IF_ERROR(Apply(edit));
  const bool drops = payload_ != module_.bytes().size();
  if (!changed_) {
    if (!drops) return nullptr;
    Keep();
    layout_->only_truncates = true;
    layout_->header =
        std::string(module_.bytes().substr(0, module_.form().header_size()));
    return std::move(layout_);
  }

  std::vector<Run> runs = LiveRuns();
  uint64_t live = sections_.size() * module_.form().section_header_size();
  uint64_t added = live;
  for (const Run& run : runs) live += run.size;
  for (const Planned& section : sections_) {
    if (!section.content) continue;
    live += section.content->size();
    added += section.content->size();
  }
  const uint64_t dead = payload_ + added - live;
  if (!in_segments_ &&
      (drops || dead > std::max(kDeadBytesAllowed, live / 4))) {
    Compact(std::move(runs));
  } else {
    Keep();
  }
  RETURN_IF_ERROR(PlaceNewContents());
  PlaceSectionHeaders();
  return std::move(layout_);
}

}  // namespace

absl::StatusOr<std::unique_ptr<const ModuleLayout>> PlanLayout(
    const ModuleFile& module, absl::Span<const SectionEdit> edits,
    bool drop_signature) {
  return Planner(module, drop_signature).Plan(edits);
}

}  // namespace btfd::elf
