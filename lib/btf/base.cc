// SPDX-License-Identifier: Apache-2.0
//
// Uses a base's blob in place. A blob that comes from outside is checked once
// for everything on which the accessors rely: the records by the walk that also
// parses raw BTF, each table by one pass over it. Whether the tables hold the
// right ids is left to the checksum; a wrong id can only make a look-up miss.
#include "lib/btf/base.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/btf/base_blob.h"
#include "lib/btf/scan.h"
#include "lib/btf/string_hash.h"
#include "lib/util/status_macros.h"

namespace btfd::btf {

namespace {

constexpr uint32_t kVoidWords = sizeof(TypeRecord) / 4;

absl::Status Damaged(absl::string_view defect) {
  return absl::DataLossError(absl::StrCat("base index: ", defect));
}

bool Ascending(absl::Span<const TypeId> ids) {
  return std::adjacent_find(ids.begin(), ids.end(), [](TypeId a, TypeId b) {
           return a >= b;
         }) == ids.end();
}

}  // namespace

uint64_t BaseBlobChecksum(absl::string_view blob) {
  constexpr size_t kStart =
      offsetof(BaseBlobHeader, checksum) + sizeof(uint64_t);
  return XXH3_64bits(blob.data() + kStart, blob.size() - kStart);
}

// Precondition: the header is complete, and its sections lie within the blob.
Base::Base(util::Blob blob) : blob_(std::move(blob)) {
  const BaseBlobHeader& h = header();
  auto table = [&](BaseSection section) {
    return absl::Span<const uint32_t>(
        reinterpret_cast<const uint32_t*>(blob_.data() +
                                          h.sections[section].offset),
        h.sections[section].size / 4);
  };
  table_.words = table(kWords).data();
  table_.offsets = table(kOffsets).data();
  table_.end = h.end;
  table_.strings = blob_.data() + h.sections[kStrings].offset;
  table_.str_len = h.strings_size;
  layout_ = {blob_.data() + h.sections[kLayout].offset, h.layout_size};
  string_slots_ = table(kStringSlots);
  name_slots_ = table(kNameSlots);
  group_starts_ = table(kGroupStarts);
  named_ids_ = table(kNamedIds);
  decl_tags_ = table(kDeclTags);
  shared_composites_ = table(kSharedComposites);
}

const BaseBlobHeader& Base::header() const {
  return *reinterpret_cast<const BaseBlobHeader*>(blob_.data());
}
bool Base::foreign_endian() const { return header().foreign_endian != 0; }
bool Base::modifiable() const { return header().modifiable != 0; }
uint64_t Base::fingerprint() const { return header().checksum; }

absl::StatusOr<std::shared_ptr<const Base>> Base::Load(util::Blob blob) {
  if (blob.size() < sizeof(BaseBlobHeader)) {
    return Damaged(absl::StrCat("only ", blob.size(), " bytes"));
  }
  BaseBlobHeader header;
  memcpy(&header, blob.data(), sizeof(header));
  if (header.magic != kBaseBlobMagic) return Damaged("wrong magic");
  if (header.version != kBaseBlobVersion) {
    return Damaged(
        absl::StrCat("version ", header.version, ", not ", kBaseBlobVersion));
  }
  if (header.size != blob.size()) {
    return Damaged(
        absl::StrCat("has ", blob.size(), " bytes of ", header.size));
  }
  if (header.checksum != BaseBlobChecksum(blob.view())) {
    return Damaged("wrong checksum");
  }
  for (uint32_t i = 0; i < kBaseSections; ++i) {
    const auto& section = header.sections[i];
    if (section.offset % 8 != 0 || section.offset > blob.size() ||
        section.size > blob.size() - section.offset) {
      return Damaged(absl::StrCat("section ", i, " is outside the blob"));
    }
  }
  std::shared_ptr<Base> base(new Base(std::move(blob)));
  RETURN_IF_ERROR(base->Validate());
  base->has_long_texts_ =
      HasLongTexts({base->table_.strings, base->table_.str_len}, kTextWindow);
  return base;
}

absl::Status Base::Validate() {
  const BaseBlobHeader& h = header();
  if (h.sections[kStrings].size != h.strings_size || h.strings_size == 0 ||
      table_.strings[0] != '\0' || table_.strings[h.strings_size - 1] != '\0') {
    return Damaged("malformed strings");
  }
  if (h.sections[kLayout].size != h.layout_size) {
    return Damaged("malformed layout");
  }
  RETURN_IF_ERROR(ValidateTypes());
  RETURN_IF_ERROR(ValidateStringTable());
  return ValidateNames();
}

absl::Status Base::ValidateTypes() {
  const BaseBlobHeader& h = header();
  const uint64_t words = h.sections[kWords].size / 4;
  if (words < kVoidWords || h.end == 0 ||
      h.sections[kOffsets].size != (uint64_t{h.end} + 1) * 4 ||
      table_.offsets[0] != 0 ||
      std::any_of(table_.words, table_.words + kVoidWords,
                  [](uint32_t word) { return word != 0; })) {
    return Damaged("malformed types");
  }
  const TypeTable no_parent;
  ScanInput input;
  input.words = table_.words + kVoidWords;
  input.count = words - kVoidWords;
  input.parent = &no_parent;
  input.str_len = table_.str_len;
  input.layout = layout_;
  input.foreign_endian = foreign_endian();
  input.what = "types";
  std::vector<uint32_t> offsets(MaxRecords(input.count) + 1);
  absl::StatusOr<ScanResult> scan = ScanTypes(input, offsets.data());
  if (!scan.ok()) return Damaged(scan.status().message());
  bool equal = uint64_t{scan->records} + 1 == h.end;
  for (uint32_t i = 0; equal && i <= scan->records; ++i) {
    equal = table_.offsets[i + 1] == offsets[i] + kVoidWords;
  }
  if (!equal) return Damaged("offsets do not fit the types");
  has_unknown_kinds_ = scan->unknown_kinds;
  has_dangling_ids_ = scan->dangling_ids;
  return absl::OkStatus();
}

namespace {

// True if the slots fit the shape, hold values from 1 to `max_value` only, and
// if every search in them ends.
bool ValidSlots(absl::Span<const uint32_t> slots, const ProbeShape& shape,
                uint64_t max_value) {
  const uint64_t count = uint64_t{shape.mask} + 1;
  if ((count & shape.mask) != 0 || slots.size() != count) return false;
  if (shape.value_bits < 1 || shape.value_bits > 32) return false;
  uint32_t max = 0;
  bool has_empty = false;
  bool has_bare_tag = false;
  for (const uint32_t slot : slots) {
    const uint32_t value = shape.value(slot);
    max = std::max(max, value);
    has_empty |= slot == 0;
    has_bare_tag |= value == 0 && slot != 0;
  }
  return has_empty && !has_bare_tag && max <= max_value;
}

}  // namespace

absl::Status Base::ValidateStringTable() const {
  if (!ValidSlots(string_slots_, header().string_shape, table_.str_len - 1)) {
    return Damaged("malformed string table");
  }
  return absl::OkStatus();
}

absl::Status Base::ValidateNames() const {
  const BaseBlobHeader& h = header();
  const absl::Span<const uint32_t> starts = group_starts_;
  if (starts.empty() || starts[0] != 0 || starts.back() != named_ids_.size() ||
      !Ascending(starts) ||
      !std::is_sorted(std::begin(h.class_ends), std::end(h.class_ends)) ||
      h.class_ends[kNameClasses - 1] != starts.size() - 1 ||
      !ValidSlots(name_slots_, h.name_shape, starts.size() - 1)) {
    return Damaged("malformed name table");
  }
  constexpr Kind kKinds[] = {Kind::kFunc, Kind::kStruct, Kind::kUnion,
                             Kind::kTypedef};
  uint32_t group = 0;
  for (uint32_t c = 0; c < kNameClasses; ++c) {
    for (; group < h.class_ends[c]; ++group) {
      const auto ids =
          named_ids_.subspan(starts[group], starts[group + 1] - starts[group]);
      for (size_t i = 0; i < ids.size(); ++i) {
        if (ids[i] == 0 || ids[i] >= table_.end ||
            (i > 0 && ids[i] <= ids[i - 1])) {
          return Damaged("malformed ids by name");
        }
        const Kind kind = type(ids[i]).kind();
        if (c == kRelocatables ? !IsRelocatable(kind) : kind != kKinds[c]) {
          return Damaged("wrong kind of type by name");
        }
      }
    }
  }
  if (!Ascending(decl_tags_) || !Ascending(shared_composites_)) {
    return Damaged("ids out of order");
  }
  for (const TypeId id : decl_tags_) {
    if (id >= table_.end || type(id).kind() != Kind::kDeclTag) {
      return Damaged("malformed decl tags");
    }
  }
  return absl::OkStatus();
}

std::optional<uint32_t> Base::FindString(absl::string_view text) const {
  return FindString(text, HashString(text));
}

std::optional<uint32_t> Base::FindString(absl::string_view text,
                                         uint64_t hash) const {
  if (text.empty()) return 0;
  const ProbeShape& shape = header().string_shape;
  const uint32_t i =
      Probe(string_slots_.data(), shape, hash, [&](uint32_t offset) {
        return table_.str_len - offset > text.size() &&
               memcmp(table_.strings + offset, text.data(), text.size()) == 0 &&
               table_.strings[offset + text.size()] == '\0';
      });
  if (string_slots_[i] == 0) return std::nullopt;
  return shape.value(string_slots_[i]);
}

absl::Span<const TypeId> Base::Group(uint32_t group) const {
  return named_ids_.subspan(group_starts_[group],
                            group_starts_[group + 1] - group_starts_[group]);
}

absl::Span<const TypeId> Base::FindNamed(uint32_t name_class,
                                         absl::string_view name,
                                         uint64_t hash) const {
  const BaseBlobHeader& h = header();
  const uint32_t begin = name_class == 0 ? 0 : h.class_ends[name_class - 1];
  const uint32_t end = h.class_ends[name_class];
  const uint32_t i = Probe(
      name_slots_.data(), h.name_shape, NameHash(hash, name_class),
      [&](uint32_t value) {
        const uint32_t group = value - 1;
        return group >= begin && group < end &&
               name == string(type(named_ids_[group_starts_[group]]).name_off);
      });
  if (name_slots_[i] == 0) return {};
  return Group(h.name_shape.value(name_slots_[i]) - 1);
}

absl::Span<const TypeId> Base::FindByName(Kind kind,
                                          absl::string_view name) const {
  return FindByName(kind, name, HashString(name));
}

absl::Span<const TypeId> Base::FindByName(Kind kind, absl::string_view name,
                                          uint64_t hash) const {
  switch (kind) {
    case Kind::kFunc:
      return FindNamed(kFuncs, name, hash);
    case Kind::kStruct:
      return FindNamed(kStructs, name, hash);
    case Kind::kUnion:
      return FindNamed(kUnions, name, hash);
    case Kind::kTypedef:
      return FindNamed(kTypedefs, name, hash);
    default:
      return {};
  }
}

absl::Span<const TypeId> Base::FindRelocatable(absl::string_view name) const {
  return FindNamed(kRelocatables, name, HashString(name));
}

void Base::ForEachRelocatable(
    absl::FunctionRef<void(absl::Span<const TypeId> ids)> visit) const {
  const BaseBlobHeader& h = header();
  for (uint32_t group = h.class_ends[kRelocatables - 1];
       group < h.class_ends[kRelocatables]; ++group) {
    visit(Group(group));
  }
}

bool Base::SharesCompositeName(TypeId id) const {
  return std::binary_search(shared_composites_.begin(),
                            shared_composites_.end(), id);
}

absl::Span<const TypeId> Base::decl_tags() const { return decl_tags_; }

}  // namespace btfd::btf
