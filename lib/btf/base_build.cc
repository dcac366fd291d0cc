// SPDX-License-Identifier: Apache-2.0
//
// Builds a base's blob. One walk over the types collects, for each class of
// names, the ids with the hash of their name. Each class is then grouped by
// name, and the sections are written one after the other. Ids come in ascending
// order anyway, so only composites with a common name have to be sorted. Raw
// BTF in host byte order is indexed where it lies, and copied once, into the
// blob: the first touches of fresh memory are a good part of the whole cost.
#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/btf/base.h"
#include "lib/btf/base_blob.h"
#include "lib/btf/scan.h"
#include "lib/btf/string_hash.h"
#include "lib/util/status_macros.h"
#include "lib/util/work_budget.h"

namespace btfd::btf {

// A validated standalone BTF in host byte order. Somebody else owns the memory.
struct BaseSource {
  absl::Span<const uint32_t> words;    // of all types but void
  absl::Span<const uint32_t> offsets;  // of type 1 and up, with the end
  absl::string_view strings;
  absl::string_view layout;
  bool foreign_endian = false;
  bool modifiable = true;
  ScanResult scan;

  TypeId end() const { return scan.records + 1; }
  const TypeRecord& type(TypeId id) const {
    return *reinterpret_cast<const TypeRecord*>(&words[offsets[id - 1]]);
  }
  const char* name(TypeId id) const {
    return strings.data() + type(id).name_off;
  }
};

namespace {

constexpr uint32_t kVoidWords = sizeof(TypeRecord) / 4;
// The slot of a key is prefetched this many keys before the key is inserted.
constexpr size_t kAhead = 12;

struct NamedId {
  uint64_t hash;  // NameHash
  TypeId id;
  uint32_t group;  // set by GroupClass()
};

// A vector of fixed capacity, so that adding an element is one store.
class NamedIds {
 public:
  explicit NamedIds(size_t capacity) : ids_(new NamedId[capacity]) {}
  void Add(uint64_t hash, TypeId id) { ids_[size_++] = {hash, id, 0}; }
  size_t size() const { return size_; }
  NamedId& operator[](size_t i) { return ids_[i]; }

 private:
  std::unique_ptr<NamedId[]> ids_;
  size_t size_ = 0;
};

struct Group {
  TypeId first;    // the one with which names are compared
  uint32_t count;  // of ids; later the index of the next one
};

// The tables of names as they will be in the blob.
struct NameTables {
  ProbeShape shape;
  std::vector<uint32_t> slots;
  std::vector<uint32_t> group_starts;
  std::vector<TypeId> ids;
  uint32_t class_ends[kNameClasses];
};

class Builder {
 public:
  explicit Builder(const BaseSource& source)
      : source_(source),
        work_(util::WorkBudget::ForInput(source.words.size() * 4 +
                                         source.strings.size())) {
    // Each class has room for all ids. Pages that are never touched cost
    // nothing.
    for (uint32_t c = 0; c < kNameClasses; ++c) {
      named_.emplace_back(source.scan.records);
    }
  }
  // ResourceExhausted if so many names or strings share a place in a table, or
  // are ends of each other, that indexing them would take too long. Such input
  // is made on purpose.
  absl::StatusOr<util::Blob> Build();

 private:
  void Collect();
  void CollectNamed(const TypeRecord& type, TypeId id);
  void GroupNames();
  void GroupClass(NamedIds* named);
  void FindSharedComposites();
  void IndexStrings(uint32_t* slots, const ProbeShape& shape);
  BaseBlobHeader MakeHeader() const;
  util::Blob Lay();

  // Spends the number of slots that a look-up passed before it ended in slot
  // `i`.
  void SpendProbe(uint32_t i, uint64_t hash, const ProbeShape& shape) {
    work_.Spend((i - static_cast<uint32_t>(hash)) & shape.mask);
  }

  const BaseSource& source_;
  util::WorkBudget work_;
  std::vector<NamedIds> named_;  // by class
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
  const absl::string_view name(source_.strings.data() + type.name_off);
  work_.Spend(name.size());
  const uint64_t hash = HashString(name);
  if (name_class != kNameClasses) {
    named_[name_class].Add(NameHash(hash, name_class), id);
  }
  if (relocatable) {
    named_[kRelocatables].Add(NameHash(hash, kRelocatables), id);
  }
}

void Builder::Collect() {
  for (TypeId id = 1; id < source_.end(); ++id) {
    const TypeRecord& type = source_.type(id);
    if (type.kind() == Kind::kDeclTag) decl_tags_.push_back(id);
    if (type.name_off != 0) CollectNamed(type, id);
    if (work_.exhausted()) return;
  }
}

// Appends the groups of one class to names_.
void Builder::GroupClass(NamedIds* named) {
  const auto first_group = static_cast<uint32_t>(names_.group_starts.size());
  std::vector<Group> groups;
  groups.reserve(named->size());
  for (size_t n = 0; n < named->size(); ++n) {
    NamedId& entry = (*named)[n];
    if (n + kAhead < named->size()) {
      PrefetchProbe(names_.slots.data(), names_.shape,
                    (*named)[n + kAhead].hash);
    }
    const uint32_t i = Probe(
        names_.slots.data(), names_.shape, entry.hash, [&](uint32_t value) {
          const uint32_t group = value - 1;
          return group >= first_group &&
                 strcmp(source_.name(entry.id),
                        source_.name(groups[group - first_group].first)) == 0;
        });
    SpendProbe(i, entry.hash, names_.shape);
    if (work_.exhausted()) return;
    if (names_.slots[i] == 0) {
      const auto group = static_cast<uint32_t>(first_group + groups.size());
      names_.slots[i] = names_.shape.slot(entry.hash, group + 1);
      groups.push_back({entry.id, 0});
    }
    entry.group = names_.shape.value(names_.slots[i]) - 1 - first_group;
    ++groups[entry.group].count;
  }
  auto next = static_cast<uint32_t>(names_.ids.size());
  for (Group& group : groups) {
    names_.group_starts.push_back(next);
    next += std::exchange(group.count, next);
  }
  names_.ids.resize(next);
  for (size_t n = 0; n < named->size(); ++n) {
    const NamedId& entry = (*named)[n];
    names_.ids[groups[entry.group].count++] = entry.id;
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
    GroupClass(&named_[c]);
    names_.class_ends[c] = static_cast<uint32_t>(names_.group_starts.size());
  }
  names_.group_starts.push_back(static_cast<uint32_t>(names_.ids.size()));
}

// Composites with the same name_off have the same name, so they are in one
// group.
void Builder::FindSharedComposites() {
  std::vector<std::pair<uint32_t, TypeId>> composites;  // name_off, id
  for (uint32_t group = names_.class_ends[kTypedefs];
       group < names_.class_ends[kRelocatables]; ++group) {
    const uint32_t begin = names_.group_starts[group];
    const uint32_t end = names_.group_starts[group + 1];
    if (end - begin < 2) continue;
    composites.clear();
    for (uint32_t i = begin; i < end; ++i) {
      const TypeRecord& type = source_.type(names_.ids[i]);
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

void Builder::IndexStrings(uint32_t* slots, const ProbeShape& shape) {
  const char* const strings = source_.strings.data();
  struct {
    uint64_t hash;
    uint32_t offset;
  } pending[kAhead];
  // Offset 0 is the empty string. It needs no slot.
  for (size_t at = 1; at < source_.strings.size();) {
    size_t count = 0;
    while (count < kAhead && at < source_.strings.size()) {
      const absl::string_view text(strings + at);
      if (!text.empty()) {
        const uint64_t hash = HashString(text);
        PrefetchProbe(slots, shape, hash);
        pending[count++] = {hash, static_cast<uint32_t>(at)};
      }
      at += text.size() + 1;
    }
    for (size_t n = 0; n < count; ++n) {
      const uint32_t offset = pending[n].offset;
      const uint32_t i =
          Probe(slots, shape, pending[n].hash, [&](uint32_t value) {
            return strcmp(strings + value, strings + offset) == 0;
          });
      SpendProbe(i, pending[n].hash, shape);
      if (work_.exhausted()) return;
      if (slots[i] == 0) slots[i] = shape.slot(pending[n].hash, offset);
    }
  }
}

BaseBlobHeader Builder::MakeHeader() const {
  const uint64_t strings_size = source_.strings.size();
  BaseBlobHeader header{};
  header.magic = kBaseBlobMagic;
  header.version = kBaseBlobVersion;
  header.foreign_endian = source_.foreign_endian;
  header.modifiable = source_.modifiable;
  header.layout_size = static_cast<uint32_t>(source_.layout.size());
  header.strings_size = static_cast<uint32_t>(strings_size);
  header.end = source_.end();
  header.string_shape =
      ProbeShape::For(CountStrings(source_.strings), strings_size);
  header.name_shape = names_.shape;
  std::copy(std::begin(names_.class_ends), std::end(names_.class_ends),
            header.class_ends);

  uint64_t at = sizeof(header);
  auto place = [&](BaseSection section, uint64_t size) {
    header.sections[section] = {at, size};
    at += (size + 7) / 8 * 8;
  };
  place(kWords, (kVoidWords + source_.words.size()) * 4);
  place(kOffsets, (uint64_t{source_.end()} + 1) * 4);
  place(kStrings, strings_size);
  place(kLayout, source_.layout.size());
  place(kStringSlots, (uint64_t{header.string_shape.mask} + 1) * 4);
  place(kNameSlots, names_.slots.size() * 4);
  place(kGroupStarts, names_.group_starts.size() * 4);
  place(kNamedIds, names_.ids.size() * 4);
  place(kDeclTags, decl_tags_.size() * 4);
  place(kSharedComposites, shared_composites_.size() * 4);
  header.size = at;
  return header;
}

util::Blob Builder::Lay() {
  const BaseBlobHeader header = MakeHeader();
  util::Blob blob(header.size);
  char* const data = blob.data();
  auto start = [&](BaseSection section) {
    char* to = data + header.sections[section].offset;
    // The checksum covers the padding, too.
    const uint64_t size = header.sections[section].size;
    memset(to + size, 0, -size & 7);
    return to;
  };
  auto fill = [&](BaseSection section, const void* from) {
    const uint64_t size = header.sections[section].size;
    char* to = start(section);
    if (size != 0) memcpy(to, from, size);
  };
  char* words = start(kWords);
  memset(words, 0, kVoidWords * 4);
  if (!source_.words.empty()) {
    memcpy(words + kVoidWords * 4, source_.words.data(),
           source_.words.size() * 4);
  }
  auto* offset = reinterpret_cast<uint32_t*>(start(kOffsets));
  *offset++ = 0;
  for (const uint32_t own : source_.offsets) *offset++ = own + kVoidWords;
  fill(kStrings, source_.strings.data());
  fill(kLayout, source_.layout.data());
  auto* slots = reinterpret_cast<uint32_t*>(start(kStringSlots));
  memset(slots, 0, header.sections[kStringSlots].size);
  IndexStrings(slots, header.string_shape);
  fill(kNameSlots, names_.slots.data());
  fill(kGroupStarts, names_.group_starts.data());
  fill(kNamedIds, names_.ids.data());
  fill(kDeclTags, decl_tags_.data());
  fill(kSharedComposites, shared_composites_.data());
  memcpy(data, &header, sizeof(header));
  const uint64_t checksum = BaseBlobChecksum(blob.view());
  memcpy(data + offsetof(BaseBlobHeader, checksum), &checksum,
         sizeof(checksum));
  return blob;
}

absl::StatusOr<util::Blob> Builder::Build() {
  Collect();
  if (!work_.exhausted()) GroupNames();
  RETURN_IF_ERROR(work_.Check());
  FindSharedComposites();
  util::Blob blob = Lay();
  RETURN_IF_ERROR(work_.Check());
  return blob;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Base>> Base::Index(
    const BaseSource& source, absl::string_view what) {
  absl::StatusOr<util::Blob> blob = Builder(source).Build();
  if (!blob.ok()) {
    return absl::Status(
        blob.status().code(),
        absl::StrCat(what, ": indexing its names ", blob.status().message()));
  }
  std::shared_ptr<Base> base(new Base(*std::move(blob)));
  base->has_long_texts_ = HasLongTexts(source.strings, kTextWindow);
  base->has_unknown_kinds_ = source.scan.unknown_kinds;
  base->has_dangling_ids_ = source.scan.dangling_ids;
  return base;
}

namespace {

// Word offsets, uninitialized, with room for more than there can be. Pages that
// are never written to cost nothing.
using Offsets = std::unique_ptr<uint32_t[]>;

// Validates source->words, and sets source->scan and source->offsets.
absl::Status Scan(absl::string_view what, uint64_t types_offset,
                  uint32_t left_over, Offsets* offsets, BaseSource* source) {
  const TypeTable no_parent;
  ScanInput input;
  input.words = source->words.data();
  input.count = source->words.size();
  input.left_over = left_over;
  input.parent = &no_parent;
  input.str_len = static_cast<uint32_t>(source->strings.size());
  input.layout = source->layout;
  input.foreign_endian = source->foreign_endian;
  input.what = what;
  input.types_offset = types_offset;
  offsets->reset(new uint32_t[MaxRecords(input.count) + 1]);
  ASSIGN_OR_RETURN(source->scan, ScanTypes(input, offsets->get()));
  source->offsets = {offsets->get(), source->scan.records + 1};
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Base>> Base::Build(
    absl::string_view raw, absl::string_view what) {
  ASSIGN_OR_RETURN(const Sections sections,
                   ParseSections(raw, /*split=*/false, what));
  BaseSource source;
  source.strings = sections.strings;
  source.foreign_endian = sections.foreign_endian;
  source.modifiable = sections.known_header;
  // Words that are not aligned or not in host byte order are copied.
  std::vector<uint32_t> words;
  std::string layout(sections.layout);
  const uint64_t count = sections.types.size() / 4;
  const char* types = sections.types.data();
  if (sections.foreign_endian || reinterpret_cast<uintptr_t>(types) % 4 != 0) {
    words.resize(count);
    if (count != 0) memcpy(words.data(), types, count * 4);
    if (sections.foreign_endian) {
      SwapWords(words.data(), count);
      SwapLayoutFlags(layout.data(), layout.size());
    }
    source.words = words;
  } else {
    source.words = {reinterpret_cast<const uint32_t*>(types), count};
  }
  source.layout = layout;
  Offsets offsets;
  RETURN_IF_ERROR(Scan(what, sections.types_offset, sections.types.size() % 4,
                       &offsets, &source));
  return Index(source, what);
}

absl::StatusOr<std::shared_ptr<const Base>> Base::FromBtf(const Btf& btf) {
  if (btf.parent().end != 1 || btf.parent().str_len != 0) {
    return absl::InvalidArgumentError(
        "base BTF: a split BTF cannot be a base of its own");
  }
  BaseSource source;
  source.words = btf.words();
  source.strings = btf.own_strings();
  source.layout = btf.own_layout();
  source.foreign_endian = btf.foreign_endian();
  source.modifiable = btf.modifiable();
  Offsets offsets;
  RETURN_IF_ERROR(Scan("base BTF", btf.hdr_len(), 0, &offsets, &source));
  return Index(source, "base BTF");
}

}  // namespace btfd::btf
