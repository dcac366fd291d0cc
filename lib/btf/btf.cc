// SPDX-License-Identifier: Apache-2.0
//
// A Btf keeps header, types, layout and strings apart. Serialize() puts them
// together. It refreshes the offsets in the header only after those edits after
// which libbpf refreshes them. If that would not give the bytes of the input,
// the Btf also keeps the input, for as long as nothing is modified.
#include "lib/btf/btf.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "lib/btf/base.h"
#include "lib/btf/scan.h"
#include "lib/btf/string_hash.h"
#include "lib/util/endian.h"
#include "lib/util/status_macros.h"

namespace btfd::btf {

const TypeRecord& VoidType() {
  static constexpr TypeRecord kVoid{};
  return kVoid;
}

Btf::Btf(const TypeTable& parent, const Base* base, uint32_t hdr_len,
         bool foreign_endian, std::pmr::memory_resource* memory)
    : parent_(parent),
      base_(base),
      words_(memory),
      offsets_(memory),
      strings_(memory),
      layout_(memory),
      verbatim_(memory),
      own_index_(memory),
      parent_index_(memory),
      parent_words_(memory),
      parent_offsets_(memory),
      foreign_endian_(foreign_endian) {
  header_.magic = kMagic;
  header_.version = kVersion;
  header_.hdr_len = hdr_len;
  offsets_.push_back(0);
  if (parent.str_len == 0) strings_.push_back('\0');
}

absl::StatusOr<Btf> Btf::Parse(absl::string_view bytes, const Base* base,
                               absl::string_view what,
                               std::pmr::memory_resource* memory) {
  ASSIGN_OR_RETURN(const Sections sections,
                   ParseSections(bytes, base != nullptr, what));
  const TypeTable parent = base != nullptr ? base->table() : TypeTable();
  if (uint64_t{parent.str_len} + sections.strings.size() > UINT32_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": offset ", offsetof(Header, str_len),
                     ": more than 4 GiB of strings with the base's"));
  }

  Btf btf(parent, base, kExtendedHeaderSize, sections.foreign_endian, memory);
  btf.header_ = sections.header;
  btf.modifiable_ = sections.known_header;
  btf.strings_.assign(sections.strings.data(), sections.strings.size());
  btf.layout_.assign(sections.layout.data(), sections.layout.size());
  if (!sections.contiguous && !sections.foreign_endian) {
    btf.verbatim_.assign(bytes.data(), bytes.size());
  }
  const uint64_t count = sections.types.size() / 4;
  // The input may have any alignment.
  btf.words_.resize(count);
  if (count != 0) memcpy(btf.words_.data(), sections.types.data(), count * 4);
  if (sections.foreign_endian) {
    SwapWords(btf.words_.data(), count);
    SwapLayoutFlags(btf.layout_.data(), btf.layout_.size());
  }

  ScanInput input;
  input.words = btf.words_.data();
  input.count = count;
  input.left_over = sections.types.size() % 4;
  input.parent = &btf.parent_;
  input.str_len = sections.header.str_len;
  input.layout = btf.layout_;
  if (btf.layout_.empty() && base != nullptr) input.layout = base->layout();
  input.foreign_endian = sections.foreign_endian;
  input.what = what;
  input.types_offset = sections.types_offset;
  btf.offsets_.resize(MaxRecords(count) + 1);
  ASSIGN_OR_RETURN(const ScanResult scan,
                   ScanTypes(input, btf.offsets_.data()));
  btf.offsets_.resize(scan.records + 1);
  btf.has_unknown_kinds_ = scan.unknown_kinds;
  btf.has_dangling_ids_ = scan.dangling_ids;
  return btf;
}

absl::Status Btf::CheckModifiable() const {
  if (modifiable_) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the BTF header has ", header_.hdr_len,
      " bytes with content behind the 32 known ones, so nothing can be "
      "modified"));
}

uint32_t Btf::AddString(absl::string_view text) {
  return AddString(text, HashString(text));
}

uint32_t Btf::AddString(absl::string_view text, uint64_t hash) {
  if (text.empty()) {
    if (parent_.str_len == 0) modified_ = true;
    return 0;
  }
  if (base_ != nullptr) {
    if (auto offset = base_->FindString(text, hash)) return *offset;
  } else if (parent_.str_len != 0) {
    const absl::string_view strings(parent_.strings, parent_.str_len);
    if (!parent_index_.built()) parent_index_.Build(strings);
    if (auto offset = parent_index_.Find(strings, text, hash)) return *offset;
  }
  modified_ = true;
  if (!own_index_.built()) own_index_.Build(strings_);
  if (auto offset = own_index_.Find(strings_, text, hash)) {
    return parent_.str_len + *offset;
  }
  const auto offset = static_cast<uint32_t>(strings_.size());
  strings_.append(text.data(), text.size());
  strings_.push_back('\0');
  own_index_.Add(strings_, offset, hash);
  return parent_.str_len + offset;
}

void Btf::UpdateSectionOffsets() {
  const auto end = static_cast<uint32_t>(header_.type_off + words_.size() * 4);
  header_.str_off = end;
  if (!layout_.empty()) {
    header_.layout_off = end;
    header_.str_off += header_.layout_len;
  }
}

TypeId Btf::AddType(uint32_t name_off, uint32_t info, uint32_t size_or_type,
                    uint32_t tail_words) {
  modified_ = true;
  const TypeId id = end_id();
  words_.push_back(name_off);
  words_.push_back(info);
  words_.push_back(size_or_type);
  words_.resize(words_.size() + tail_words);
  offsets_.push_back(static_cast<uint32_t>(words_.size()));
  UpdateSectionOffsets();
  return id;
}

void Btf::ReplaceTypes(Words words, Words offsets) {
  modified_ = true;
  words_ = std::move(words);
  offsets_ = std::move(offsets);
  UpdateSectionOffsets();
}

void Btf::ReplaceOwnStrings(std::pmr::string strings) {
  modified_ = true;
  strings_ = std::move(strings);
  own_index_.Clear();
}

// Says why some record cannot be moved. Called only once that is known.
absl::Status Btf::WhyNotMovable() const {
  for (TypeId own = first_id(); own < end_id(); ++own) {
    const TypeRecord& type = own_type(own);
    if (type.kind_number() > kMaxKnownKind) {
      return absl::InvalidArgumentError(
          absl::StrCat("type ", own, " is of unknown kind ", type.kind_number(),
                       " and cannot be moved"));
    }
    std::optional<TypeId> beyond;
    ForEachTypeField(type, [&](const TypeId& id) {
      if (id >= end_id() && !beyond) beyond = id;
    });
    if (beyond) {
      return absl::InvalidArgumentError(absl::StrCat(
          "type ", own, " (", KindName(type.kind_number()), ") refers to type ",
          *beyond, ", but there are ", end_id(), " types"));
    }
  }
  return absl::InternalError("a type cannot be moved");
}

absl::Status Btf::Permute(const std::pmr::vector<uint32_t>& new_index) {
  RETURN_IF_ERROR(CheckModifiable());
  const uint32_t n = own_count();
  const TypeId first = first_id();
  Words order(n, 0, memory());
  for (uint32_t i = 0; i < n; ++i) order[new_index[i]] = i;

  Words words(words_.size(), 0, memory());
  Words offsets(offsets_.size(), 0, memory());
  const uint32_t* const map = new_index.data();
  uint32_t at = 0;
  bool movable = true;
  for (uint32_t position = 0; position < n; ++position) {
    const uint32_t i = order[position];
    const uint32_t* from = &words_[offsets_[i]];
    uint32_t* to = &words[at];
    for (uint32_t left = own_type_words(first + i); left > 0; --left) {
      *to++ = *from++;
    }
    offsets[position] = at;
    auto& type = *reinterpret_cast<TypeRecord*>(&words[at]);
    at += own_type_words(first + i);
    movable &= type.kind_number() <= kMaxKnownKind;
    ForEachTypeField(type, [&](TypeId& id) {
      const uint32_t index = id - first;
      if (id < first) return;
      if (index < n) {
        id = first + map[index];
      } else {
        movable = false;
      }
    });
  }
  if (!movable) return WhyNotMovable();
  offsets[n] = at;
  modified_ = true;
  words_ = std::move(words);
  offsets_ = std::move(offsets);
  return absl::OkStatus();
}

void Btf::SetBase(const Base* base) {
  base_ = base;
  parent_ = base->table();
  parent_index_.Clear();
}

TypeTable Btf::AsParent() const {
  constexpr uint32_t kVoidWords = sizeof(TypeRecord) / 4;
  parent_words_.assign(kVoidWords, 0);
  parent_words_.insert(parent_words_.end(), words_.begin(), words_.end());
  parent_offsets_.assign(1, 0);
  for (const uint32_t offset : offsets_) {
    parent_offsets_.push_back(offset + kVoidWords);
  }
  TypeTable table;
  table.words = parent_words_.data();
  table.offsets = parent_offsets_.data();
  table.end = end_id();
  table.strings = strings_.data();
  table.str_len = static_cast<uint32_t>(strings_.size());
  return table;
}

void Btf::Serialize(std::string* out) const {
  if (!modified_ && !verbatim_.empty()) {
    out->append(verbatim_);
    return;
  }
  Header header = header_;
  header.type_len = static_cast<uint32_t>(words_.size() * 4);
  header.str_len = static_cast<uint32_t>(strings_.size());
  if (foreign_endian_) {
    header.magic = util::ByteSwap(header.magic);
    SwapWords(&header.hdr_len, 5);
    // If hdr_len covers only a part of the layout fields, they were not swapped
    // when they were read.
    if (header_.hdr_len >= kExtendedHeaderSize) {
      SwapWords(&header.layout_off, 2);
    }
  }
  const size_t start = out->size();
  const size_t known = std::min<size_t>(header_.hdr_len, sizeof(header));
  out->reserve(start + header_.hdr_len + words_.size() * 4 + layout_.size() +
               strings_.size());
  out->append(reinterpret_cast<const char*>(&header), known);
  out->append(header_.hdr_len - known, '\0');
  if (foreign_endian_) {
    const size_t types = out->size();
    out->resize(types + words_.size() * 4);
    char* to = &(*out)[types];
    for (const uint32_t word : words_) {
      const uint32_t swapped = util::ByteSwap(word);
      memcpy(to, &swapped, sizeof(swapped));
      to += sizeof(swapped);
    }
    const size_t layout = out->size();
    out->append(layout_);
    SwapLayoutFlags(&(*out)[layout], layout_.size());
  } else {
    out->append(reinterpret_cast<const char*>(words_.data()),
                words_.size() * 4);
    out->append(layout_);
  }
  out->append(strings_);
}

}  // namespace btfd::btf
