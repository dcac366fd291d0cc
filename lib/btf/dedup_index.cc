// SPDX-License-Identifier: Apache-2.0
//
// Uses a dedup index in place. A blob that comes from outside is checked once:
// every id in it is one of the base's, every search ends, every list is sorted
// as the look-ups expect. Whether the tables hold the right ids is left to the
// checksum. Wrong ids could make a look-up miss, but not read outside of the
// base.
#include "lib/btf/dedup_index.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/btf/dedup_index_blob.h"
#include "lib/btf/string_hash.h"
#include "lib/util/status_macros.h"

namespace btfd::btf {

namespace {

absl::Status Damaged(absl::string_view defect) {
  return absl::DataLossError(absl::StrCat("dedup index: ", defect));
}

// libbpf's map grows when one more entry would fill three quarters of it. The
// first allocation of the empty map counts as a growth.
bool MustGrow(uint32_t inserted, uint32_t capacity) {
  return capacity == 0 || (uint64_t{inserted} + 1) * 4 / 3 > capacity;
}

template <typename T>
absl::Span<const T> Section(const util::Blob& blob,
                            const DedupBlobHeader& header,
                            DedupSection section) {
  return {
      reinterpret_cast<const T*>(blob.data() + header.sections[section].offset),
      header.sections[section].size / sizeof(T)};
}

bool ValidSlots(absl::Span<const uint32_t> slots, const ProbeShape& shape,
                TypeId end) {
  const uint64_t count = uint64_t{shape.mask} + 1;
  if ((count & shape.mask) != 0 || slots.size() != count) return false;
  if (shape.value_bits < 1 || shape.value_bits > 32) return false;
  bool has_empty = false;
  bool in_range = true;
  for (const uint32_t slot : slots) {
    const TypeId id = shape.value(slot);
    has_empty |= slot == 0;
    in_range &= id < end && (id != 0 || slot == 0);
  }
  return has_empty && in_range;
}

template <typename T, typename Less>
bool SortedAndBelow(absl::Span<const T> list, TypeId end, Less less) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i].id >= end || (i > 0 && less(list[i], list[i - 1]))) {
      return false;
    }
  }
  return true;
}

bool Ascending(absl::Span<const uint32_t> list) {
  return std::is_sorted(list.begin(), list.end());
}

template <typename T>
bool NameBefore(const T& entry, uint32_t name_off) {
  return entry.name_off < name_off;
}

}  // namespace

int32_t CandidateOrder::Insert(bool* turned) {
  *turned = MustGrow(inserted, capacity);
  if (*turned) {
    capacity = capacity == 0 ? 4 : capacity * 2;
    descending = !descending;
  }
  ++inserted;
  const auto distance = static_cast<int32_t>(inserted);
  return descending ? distance : -distance;
}

CandidateOrder CandidateOrder::After(uint32_t count) {
  CandidateOrder order;
  if (count == 0) return order;
  order.inserted = count;
  order.capacity = 4;
  order.descending = true;
  while (MustGrow(count - 1, order.capacity)) {
    order.capacity *= 2;
    order.descending = !order.descending;
  }
  return order;
}

int32_t CandidateOrder::PositionOf(uint32_t n) {
  const auto distance = static_cast<int32_t>(n + 1);
  return After(n + 1).descending ? distance : -distance;
}

uint64_t DedupBlobChecksum(absl::string_view blob) {
  constexpr size_t kStart =
      offsetof(DedupBlobHeader, checksum) + sizeof(uint64_t);
  return XXH3_64bits(blob.data() + kStart, blob.size() - kStart);
}

void DedupIndex::Attach(util::Blob blob, const Base& base) {
  blob_ = std::move(blob);
  DedupBlobHeader header;
  std::memcpy(&header, blob_.data(), sizeof(header));
  types_ = base.table();
  odd_references_ = header.odd_references != 0;
  record_shape_ = header.record_shape;
  graph_shape_ = header.graph_shape;
  auto words = [&](DedupSection section) {
    return Section<uint32_t>(blob_, header, section);
  };
  fingerprints_ = words(kFingerprints).data();
  copies_ = words(kCopies).data();
  odd_types_ = words(kOddTypes).data();
  twins_ = words(kTwins).data();
  signatures_ = words(kSignatures).data();
  signature_mask_ = words(kSignatures).size() * 32 - 1;
  records_ = words(kRecordSlots).data();
  graphs_ = words(kGraphSlots).data();
  plain_graphs_ = words(kPlainGraphSlots).data();
  enum_names_ = Section<EnumName>(blob_, header, kEnumNames);
  empty_enums_ = Section<EmptyEnum>(blob_, header, kEmptyEnums);
  composites_ = Section<CompositeName>(blob_, header, kComposites);
  forwards_ = words(kForwards);
  not_filed_ = words(kNotFiled);
  order_ = CandidateOrder::After(header.end - 1 -
                                 static_cast<uint32_t>(not_filed_.size()));
}

namespace {

absl::Status CheckHeader(const util::Blob& blob, const Base& base,
                         DedupBlobHeader* header) {
  if (blob.size() < sizeof(DedupBlobHeader)) {
    return Damaged(absl::StrCat("only ", blob.size(), " bytes"));
  }
  std::memcpy(header, blob.data(), sizeof(*header));
  if (header->magic != kDedupBlobMagic) return Damaged("wrong magic");
  if (header->version != kDedupBlobVersion) {
    return Damaged(
        absl::StrCat("version ", header->version, ", not ", kDedupBlobVersion));
  }
  if (header->size != blob.size()) {
    return Damaged(
        absl::StrCat("has ", blob.size(), " bytes of ", header->size));
  }
  if (header->checksum != DedupBlobChecksum(blob.view())) {
    return Damaged("wrong checksum");
  }
  if (header->base != base.fingerprint() || header->end != base.end_id()) {
    return Damaged("made for another base");
  }
  for (uint32_t i = 0; i < kDedupSections; ++i) {
    const auto& section = header->sections[i];
    if (section.offset % 8 != 0 || section.size % 4 != 0 ||
        section.offset > blob.size() ||
        section.size > blob.size() - section.offset) {
      return Damaged(absl::StrCat("section ", i, " is outside the blob"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckTables(const util::Blob& blob,
                         const DedupBlobHeader& header) {
  const TypeId end = header.end;
  if (header.sections[kFingerprints].size != uint64_t{end} * 4 ||
      header.sections[kCopies].size != (uint64_t{end} / 32 + 1) * 4 ||
      header.sections[kOddTypes].size != (uint64_t{end} / 32 + 1) * 4 ||
      header.sections[kTwins].size != (uint64_t{end} / 32 + 1) * 4) {
    return Damaged("tables by id do not fit the base");
  }
  const auto fingerprints = Section<uint32_t>(blob, header, kFingerprints);
  if (*std::min_element(fingerprints.begin(), fingerprints.end()) <
      kLeastFingerprint) {
    return Damaged("types without a fingerprint");
  }
  auto words = [&](DedupSection section) {
    return Section<uint32_t>(blob, header, section);
  };
  if (!ValidSlots(words(kRecordSlots), header.record_shape, end) ||
      !ValidSlots(words(kGraphSlots), header.graph_shape, end) ||
      !ValidSlots(words(kPlainGraphSlots), header.graph_shape, end)) {
    return Damaged("malformed candidate table");
  }
  const size_t signature_words = words(kSignatures).size();
  if (signature_words == 0 || (signature_words & (signature_words - 1)) != 0) {
    return Damaged("malformed signatures");
  }
  const absl::Span<const TypeId> not_filed = words(kNotFiled);
  if (not_filed.size() >= end || !Ascending(not_filed) ||
      (!not_filed.empty() && not_filed.back() >= end) ||
      !Ascending(words(kForwards))) {
    return Damaged("malformed list of ids or names");
  }
  auto names_ascend = [](const auto& a, const auto& b) {
    return a.name_off <= b.name_off;
  };
  auto names_never_fall = [](const auto& a, const auto& b) {
    return a.name_off < b.name_off;
  };
  const auto enums = Section<DedupIndex::EnumName>(blob, header, kEnumNames);
  for (size_t i = 0; i < enums.size(); ++i) {
    if (enums[i].lowest >= end || enums[i].highest >= end ||
        (i > 0 && names_ascend(enums[i], enums[i - 1]))) {
      return Damaged("malformed table of enum names");
    }
  }
  if (!SortedAndBelow(Section<DedupIndex::EmptyEnum>(blob, header, kEmptyEnums),
                      end, names_never_fall) ||
      !SortedAndBelow(
          Section<DedupIndex::CompositeName>(blob, header, kComposites), end,
          names_ascend)) {
    return Damaged("malformed table of names");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const DedupIndex>> DedupIndex::Load(
    util::Blob blob, const Base& base) {
  DedupBlobHeader header;
  RETURN_IF_ERROR(CheckHeader(blob, base, &header));
  RETURN_IF_ERROR(CheckTables(blob, header));
  std::shared_ptr<DedupIndex> index(new DedupIndex());
  index->Attach(std::move(blob), base);
  return index;
}

int32_t DedupIndex::PositionOf(TypeId id) const {
  const auto skipped =
      std::lower_bound(not_filed_.begin(), not_filed_.end(), id) -
      not_filed_.begin();
  return CandidateOrder::PositionOf(id - 1 - static_cast<uint32_t>(skipped));
}

TypeId DedupIndex::FindRecord(uint64_t key, const TypeRecord& type,
                              bool descending) const {
  TypeId last = 0;
  const uint32_t i = Probe(records_, record_shape_, key, [&](TypeId id) {
    if (!SameRecord(type, types_.type(id))) return false;
    last = id;
    return !descending || IsOnlyCopy(id);
  });
  return records_[i] != 0 ? record_shape_.value(records_[i]) : last;
}

const DedupIndex::EnumName* DedupIndex::FindEnumName(uint32_t name_off) const {
  const auto it = std::lower_bound(enum_names_.begin(), enum_names_.end(),
                                   name_off, NameBefore<EnumName>);
  return it != enum_names_.end() && it->name_off == name_off ? it : nullptr;
}

absl::Span<const DedupIndex::EmptyEnum> DedupIndex::EmptyEnums(
    uint32_t name_off) const {
  const auto begin = std::lower_bound(empty_enums_.begin(), empty_enums_.end(),
                                      name_off, NameBefore<EmptyEnum>);
  auto end = begin;
  while (end != empty_enums_.end() && end->name_off == name_off) ++end;
  return {begin, static_cast<size_t>(end - begin)};
}

const DedupIndex::CompositeName* DedupIndex::FindComposite(
    uint32_t name_off) const {
  const auto it = std::lower_bound(composites_.begin(), composites_.end(),
                                   name_off, NameBefore<CompositeName>);
  return it != composites_.end() && it->name_off == name_off ? it : nullptr;
}

bool DedupIndex::HasForward(uint32_t name_off) const {
  return std::binary_search(forwards_.begin(), forwards_.end(), name_off);
}

}  // namespace btfd::btf
