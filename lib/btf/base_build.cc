// SPDX-License-Identifier: Apache-2.0
//
// Building a base's blob: one walk collects, per class of names, the ids with
// the hash of their text; each class is then grouped by text, and the sections
// are laid one after the other. Nothing is sorted but names that composites
// share: ids come in ascending order anyway.
#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "lib/btf/base.h"
#include "lib/btf/base_blob.h"
#include "lib/btf/scan.h"
#include "lib/btf/string_hash.h"
#include "lib/util/status_macros.h"

namespace btfd::btf {

namespace {

constexpr uint32_t kVoidWords = sizeof(TypeRecord) / 4;

struct NamedId {
  uint64_t hash;  // NameHash
  TypeId id;
};

// The tables of names, as they will stand in the blob.
struct NameTables {
  ProbeShape shape;
  std::vector<uint32_t> slots;
  std::vector<uint32_t> group_starts;
  std::vector<TypeId> ids;
  uint32_t class_ends[kNameClasses];
};

class Builder {
 public:
  explicit Builder(const Btf& btf) : btf_(btf) {}
  util::Blob Build();

 private:
  void Collect();
  void CollectNamed(const TypeRecord& type, TypeId id);
  void GroupNames();
  void GroupClass(const std::vector<NamedId>& named);
  void FindSharedComposites();
  void IndexStrings(uint32_t* slots, const ProbeShape& shape) const;
  util::Blob Lay();

  const Btf& btf_;
  std::vector<NamedId> named_[kNameClasses];
  std::vector<TypeId> decl_tags_;
  std::vector<TypeId> shared_composites_;
  NameTables names_;
};

void Builder::CollectNamed(const TypeRecord& type, TypeId id) {
  uint32_t name_class = kNameClasses;
  switch (type.kind()) {
    case Kind::kFunc:
      name_class = kFuncs;
      break;
    case Kind::kTypedef:
      name_class = kTypedefs;
      break;
    case Kind::kStruct:
      name_class = kStructs;
      break;
    case Kind::kUnion:
      name_class = kUnions;
      break;
    default:
      break;
  }
  const bool relocatable = IsRelocatable(type.kind());
  if (name_class == kNameClasses && !relocatable) return;
  const uint64_t hash = HashString(btf_.string(type.name_off));
  if (name_class != kNameClasses) {
    named_[name_class].push_back({NameHash(hash, name_class), id});
  }
  if (relocatable) {
    named_[kRelocatables].push_back({NameHash(hash, kRelocatables), id});
  }
}

void Builder::Collect() {
  for (TypeId id = btf_.first_id(); id < btf_.end_id(); ++id) {
    const TypeRecord& type = btf_.own_type(id);
    if (type.kind() == Kind::kDeclTag) decl_tags_.push_back(id);
    if (type.name_off != 0) CollectNamed(type, id);
  }
}

// Appends the groups of one class.
void Builder::GroupClass(const std::vector<NamedId>& named) {
  const auto first_group = static_cast<uint32_t>(names_.group_starts.size());
  std::vector<TypeId> first_ids;   // group -> id that stands for its text
  std::vector<uint32_t> counts;    // group -> ids
  std::vector<uint32_t> group_of;  // index in `named` -> group
  first_ids.reserve(named.size());
  counts.reserve(named.size());
  group_of.reserve(named.size());
  for (const NamedId& entry : named) {
    const char* text = btf_.name(entry.id);
    const uint32_t i = Probe(
        names_.slots.data(), names_.shape, entry.hash, [&](uint32_t value) {
          const uint32_t group = value - 1;
          return group >= first_group &&
                 strcmp(text, btf_.name(first_ids[group - first_group])) == 0;
        });
    if (names_.slots[i] == 0) {
      const auto group = static_cast<uint32_t>(first_group + counts.size());
      names_.slots[i] = names_.shape.slot(entry.hash, group + 1);
      first_ids.push_back(entry.id);
      counts.push_back(0);
    }
    const uint32_t group =
        names_.shape.value(names_.slots[i]) - 1 - first_group;
    ++counts[group];
    group_of.push_back(group);
  }
  auto next = static_cast<uint32_t>(names_.ids.size());
  std::vector<uint32_t> fill(counts.size());
  for (size_t group = 0; group < counts.size(); ++group) {
    names_.group_starts.push_back(next);
    fill[group] = next;
    next += counts[group];
  }
  names_.ids.resize(next);
  for (size_t i = 0; i < named.size(); ++i) {
    names_.ids[fill[group_of[i]]++] = named[i].id;
  }
}

void Builder::GroupNames() {
  uint64_t total = 0;
  for (const auto& named : named_) total += named.size();
  names_.shape = ProbeShape::For(total, total);
  names_.slots.assign(size_t{names_.shape.mask} + 1, 0);
  names_.group_starts.reserve(total + 1);
  names_.ids.reserve(total);
  for (uint32_t c = 0; c < kNameClasses; ++c) {
    GroupClass(named_[c]);
    names_.class_ends[c] = static_cast<uint32_t>(names_.group_starts.size());
  }
  names_.group_starts.push_back(static_cast<uint32_t>(names_.ids.size()));
}

// Composites of one name_off have one text, so they meet in one group.
void Builder::FindSharedComposites() {
  std::vector<std::pair<uint32_t, TypeId>> composites;  // name_off, id
  for (uint32_t group = names_.class_ends[kTypedefs];
       group < names_.class_ends[kRelocatables]; ++group) {
    const uint32_t begin = names_.group_starts[group];
    const uint32_t end = names_.group_starts[group + 1];
    if (end - begin < 2) continue;
    composites.clear();
    for (uint32_t i = begin; i < end; ++i) {
      const TypeRecord& type = btf_.own_type(names_.ids[i]);
      if (type.kind() == Kind::kStruct || type.kind() == Kind::kUnion) {
        composites.emplace_back(type.name_off, names_.ids[i]);
      }
    }
    std::sort(composites.begin(), composites.end());
    for (size_t i = 0; i < composites.size(); ++i) {
      const uint32_t name = composites[i].first;
      const bool shared =
          (i > 0 && composites[i - 1].first == name) ||
          (i + 1 < composites.size() && composites[i + 1].first == name);
      if (shared) shared_composites_.push_back(composites[i].second);
    }
  }
  std::sort(shared_composites_.begin(), shared_composites_.end());
}

void Builder::IndexStrings(uint32_t* slots, const ProbeShape& shape) const {
  const absl::string_view strings = btf_.own_strings();
  // Offset 0 is the empty string, which needs no slot.
  for (size_t at = 1; at < strings.size();) {
    const absl::string_view text(strings.data() + at);
    if (!text.empty()) {
      const uint64_t hash = HashString(text);
      const uint32_t i = Probe(slots, shape, hash, [&](uint32_t value) {
        return strcmp(strings.data() + value, text.data()) == 0;
      });
      if (slots[i] == 0) {
        slots[i] = shape.slot(hash, static_cast<uint32_t>(at));
      }
    }
    at += text.size() + 1;
  }
}

util::Blob Builder::Lay() {
  const absl::string_view strings = btf_.own_strings();
  const absl::string_view layout = btf_.own_layout();
  const uint64_t texts = std::count(strings.begin(), strings.end(), '\0');
  const ProbeShape string_shape = ProbeShape::For(texts, strings.size());

  BaseBlobHeader header{};
  uint64_t at = sizeof(header);
  auto place = [&](BaseSection section, uint64_t size) {
    header.sections[section] = {at, size};
    at += (size + 7) / 8 * 8;
  };
  place(kWords, (kVoidWords + btf_.words().size()) * 4);
  place(kOffsets, (uint64_t{btf_.end_id()} + 1) * 4);
  place(kStrings, strings.size());
  place(kLayout, layout.size());
  place(kStringSlots, (uint64_t{string_shape.mask} + 1) * 4);
  place(kNameSlots, names_.slots.size() * 4);
  place(kGroupStarts, names_.group_starts.size() * 4);
  place(kNamedIds, names_.ids.size() * 4);
  place(kDeclTags, decl_tags_.size() * 4);
  place(kSharedComposites, shared_composites_.size() * 4);

  header.magic = kBaseBlobMagic;
  header.size = at;
  header.version = kBaseBlobVersion;
  header.foreign_endian = btf_.foreign_endian();
  header.modifiable = btf_.modifiable();
  header.layout_size = static_cast<uint32_t>(layout.size());
  header.strings_size = static_cast<uint32_t>(strings.size());
  header.end = btf_.end_id();
  header.string_shape = string_shape;
  header.name_shape = names_.shape;
  std::copy(std::begin(names_.class_ends), std::end(names_.class_ends),
            header.class_ends);

  util::Blob blob(at);
  char* data = blob.data();
  auto fill = [&](BaseSection section, uint64_t skip, const void* from,
                  uint64_t size) {
    char* to = data + header.sections[section].offset + skip;
    if (size != 0) memcpy(to, from, size);
    memset(to + size, 0, -(skip + size) & 7);
  };
  const uint32_t void_words[kVoidWords] = {};
  memcpy(data + header.sections[kWords].offset, void_words, sizeof(void_words));
  fill(kWords, sizeof(void_words), btf_.words().data(),
       btf_.words().size() * 4);
  auto* offsets =
      reinterpret_cast<uint32_t*>(data + header.sections[kOffsets].offset);
  *offsets++ = 0;
  for (const uint32_t offset : btf_.offsets()) *offsets++ = offset + kVoidWords;
  fill(kOffsets, header.sections[kOffsets].size, nullptr, 0);
  fill(kStrings, 0, strings.data(), strings.size());
  fill(kLayout, 0, layout.data(), layout.size());
  auto* slots =
      reinterpret_cast<uint32_t*>(data + header.sections[kStringSlots].offset);
  memset(slots, 0, header.sections[kStringSlots].size);
  IndexStrings(slots, string_shape);
  for (const auto& [section, table] :
       {std::pair<BaseSection, const std::vector<uint32_t>*>(kNameSlots,
                                                             &names_.slots),
        {kGroupStarts, &names_.group_starts},
        {kNamedIds, &names_.ids},
        {kDeclTags, &decl_tags_},
        {kSharedComposites, &shared_composites_}}) {
    fill(section, 0, table->data(), table->size() * 4);
  }
  memcpy(data, &header, sizeof(header));
  const uint64_t checksum = BaseBlobChecksum(blob.view());
  memcpy(data + offsetof(BaseBlobHeader, checksum), &checksum,
         sizeof(checksum));
  return blob;
}

util::Blob Builder::Build() {
  Collect();
  GroupNames();
  FindSharedComposites();
  return Lay();
}

}  // namespace

std::shared_ptr<const Base> Base::Index(const Btf& btf, bool dangling_ids) {
  std::shared_ptr<Base> base(new Base(Builder(btf).Build()));
  base->has_unknown_kinds_ = btf.has_unknown_kinds();
  base->has_dangling_ids_ = dangling_ids;
  return base;
}

absl::StatusOr<std::shared_ptr<const Base>> Base::Build(absl::string_view raw) {
  ASSIGN_OR_RETURN(const Btf btf, Btf::Parse(raw, nullptr, "base BTF",
                                             std::pmr::new_delete_resource()));
  return Index(btf, btf.has_dangling_ids());
}

absl::StatusOr<std::shared_ptr<const Base>> Base::FromBtf(const Btf& btf) {
  if (btf.parent().end != 1 || btf.parent().str_len != 0) {
    return absl::InvalidArgumentError(
        "base BTF: a split BTF cannot be a base of its own");
  }
  ScanInput input;
  input.words = btf.words().data();
  input.count = btf.words().size();
  input.parent = &btf.parent();
  input.str_len = static_cast<uint32_t>(btf.own_strings().size());
  input.layout = btf.own_layout();
  input.foreign_endian = btf.foreign_endian();
  input.what = "base BTF";
  input.types_offset = btf.hdr_len();
  std::vector<uint32_t> offsets(MaxRecords(input.count) + 1);
  ASSIGN_OR_RETURN(const ScanResult scan, ScanTypes(input, offsets.data()));
  return Index(btf, scan.dangling_ids);
}

}  // namespace btfd::btf
