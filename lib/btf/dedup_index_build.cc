// SPDX-License-Identifier: Apache-2.0
//
// Builds a dedup index. The types are numbered in the order in which libbpf
// inserts them (ascending ids, without VAR and DATASEC); that gives their
// positions. By ascending position they are then put into linear-probing
// tables. Such a table keeps the entries of one key in the order in which they
// came.
#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/btf/dedup_index.h"
#include "lib/btf/dedup_index_blob.h"
#include "lib/util/work_budget.h"

namespace btfd::btf {

namespace {

// With more types a slot would have no bits left for a tag.
constexpr TypeId kMaxTypes = 1u << 28;

std::vector<uint32_t> Slots(const ProbeShape& shape) {
  return std::vector<uint32_t>(size_t{shape.mask} + 1);
}

}  // namespace

class DedupIndexBuilder {
 public:
  explicit DedupIndexBuilder(const Base& base)
      : base_(base), work_(util::WorkBudget::ForInput(base.blob().size())) {}
  absl::StatusOr<std::shared_ptr<const DedupIndex>> Build();

 private:
  static bool IsFiled(Kind kind) {
    return kind != Kind::kVar && kind != Kind::kDatasec;
  }
  static bool IsKnown(const TypeRecord& type) {
    return type.kind() != Kind::kUnknown && type.kind_number() <= kMaxKnownKind;
  }

  struct Graph {
    const Base* base;
    std::vector<uint32_t>* fingerprints;
    const TypeRecord& Type(TypeId id) const { return base->type(id); }
    uint32_t Get(TypeId id) const { return (*fingerprints)[id]; }
    void Set(TypeId id, uint32_t value) { (*fingerprints)[id] = value; }
  };

  void Put(std::vector<uint32_t>* slots, const ProbeShape& shape, uint64_t key,
           TypeId id);
  // Spends the number of slots that a look-up passed before it ended in slot
  // `i`.
  void SpendProbe(uint32_t i, uint64_t key, const ProbeShape& shape) {
    work_.Spend((i - static_cast<uint32_t>(key)) & shape.mask);
  }
  void Number();
  void FindOddReferences(const TypeRecord& type);
  void FingerprintAll();
  void FileAll();
  void FileRecord(TypeId id, const TypeRecord& type);
  void CollectNames();
  util::Blob Lay() const;

  const Base& base_;
  util::WorkBudget work_;
  CandidateOrder order_;
  bool odd_references_ = false;
  uint32_t graphs_count_ = 0;
  std::vector<TypeId> by_position_;
  ProbeShape record_shape_;
  ProbeShape graph_shape_;
  std::vector<uint32_t> fingerprints_;
  std::vector<uint32_t> copies_;
  std::vector<uint32_t> odd_types_;
  std::vector<uint32_t> twins_;
  std::vector<uint32_t> signatures_;
  std::vector<uint32_t> records_;
  std::vector<uint32_t> graphs_;
  std::vector<uint32_t> plain_graphs_;
  std::vector<DedupIndex::EnumName> enum_names_;
  std::vector<DedupIndex::EmptyEnum> empty_enums_;
  std::vector<DedupIndex::CompositeName> composites_;
  std::vector<uint32_t> forwards_;
  std::vector<TypeId> not_filed_;
};

void DedupIndexBuilder::Put(std::vector<uint32_t>* slots,
                            const ProbeShape& shape, uint64_t key, TypeId id) {
  const uint32_t i =
      Probe(slots->data(), shape, key, [](uint32_t) { return false; });
  SpendProbe(i, key, shape);
  (*slots)[i] = shape.slot(key, id);
}

// An insertion of negative position goes in front of all others, one of
// positive position behind them. So the order by position is: those in front,
// newest first, then those behind, oldest first.
void DedupIndexBuilder::Number() {
  std::vector<TypeId> back;
  odd_types_.assign(base_.end_id() / 32 + 1, 0);
  for (TypeId id = 1; id < base_.end_id(); ++id) {
    const TypeRecord& type = base_.type(id);
    FindOddReferences(type);
    if (IsNeverReferred(type.kind())) odd_types_[id / 32] |= 1u << (id % 32);
    if (!IsFiled(type.kind())) {
      not_filed_.push_back(id);
      continue;
    }
    bool turned;
    const bool in_front = order_.Insert(&turned) < 0;
    (in_front ? by_position_ : back).push_back(id);
    graphs_count_ += IsGraphKind(type.kind());
  }
  std::reverse(by_position_.begin(), by_position_.end());
  by_position_.insert(by_position_.end(), back.begin(), back.end());
}

void DedupIndexBuilder::FindOddReferences(const TypeRecord& type) {
  if (IsNeverReferred(type.kind()) || type.kind() == Kind::kFwd) return;
  ForEachTypeField(type, [&](TypeId id) {
    odd_references_ |= IsNeverReferred(base_.type(id).kind());
  });
}

void DedupIndexBuilder::FingerprintAll() {
  fingerprints_.assign(base_.end_id(), kNoFingerprint);
  Fingerprints<Graph> fingerprints(Graph{&base_, &fingerprints_},
                                   std::pmr::get_default_resource());
  for (TypeId id = 0; id < base_.end_id(); ++id) fingerprints.Of(id);

  struct Signed {
    uint64_t signature;
    TypeId id;
  };
  std::vector<Signed> all;
  all.reserve(by_position_.size());
  for (const TypeId id : by_position_) {
    const TypeRecord& type = base_.type(id);
    if (HasParts(type.kind())) {
      all.push_back({fingerprints.SignatureOf(type), id});
    }
  }
  graph_shape_ = ProbeShape::For(graphs_count_, base_.end_id());
  graphs_ = Slots(graph_shape_);
  plain_graphs_ = Slots(graph_shape_);
  for (const Signed& entry : all) {
    const TypeRecord& type = base_.type(entry.id);
    if (!IsGraphKind(type.kind()) || work_.exhausted()) continue;
    Put(&graphs_, graph_shape_, entry.signature, entry.id);
    Put(&plain_graphs_, graph_shape_, PartsKey(type), entry.id);
  }

  uint64_t bits = 32;
  while (bits < 8 * uint64_t{base_.end_id()}) bits *= 2;
  signatures_.assign(bits / 32, 0);
  twins_.assign(base_.end_id() / 32 + 1, 0);
  const ProbeShape shape = ProbeShape::For(all.size(), all.size());
  std::vector<uint32_t> slots = Slots(shape);
  for (uint32_t n = 0; n < all.size(); ++n) {
    const uint64_t signature = all[n].signature;
    const TypeId id = all[n].id;
    const uint64_t bit = signature & (bits - 1);
    signatures_[bit / 32] |= 1u << (bit % 32);
    const uint32_t i = Probe(
        slots.data(), shape, signature,
        [&](uint32_t value) { return all[value - 1].signature == signature; });
    SpendProbe(i, signature, shape);
    if (work_.exhausted()) return;
    if (slots[i] == 0) {
      slots[i] = shape.slot(signature, n + 1);
      continue;
    }
    const TypeId other = all[shape.value(slots[i]) - 1].id;
    twins_[id / 32] |= 1u << (id % 32);
    twins_[other / 32] |= 1u << (other % 32);
  }
}

void DedupIndexBuilder::FileRecord(TypeId id, const TypeRecord& type) {
  const uint64_t key = RecordKey(type);
  const uint32_t i =
      Probe(records_.data(), record_shape_, key, [&](TypeId other) {
        if (SameRecord(type, base_.type(other))) {
          copies_[id / 32] |= 1u << (id % 32);
          copies_[other / 32] |= 1u << (other % 32);
        }
        return false;
      });
  SpendProbe(i, key, record_shape_);
  records_[i] = record_shape_.slot(key, id);
}

void DedupIndexBuilder::FileAll() {
  const size_t count = by_position_.size() - graphs_count_;
  record_shape_ = ProbeShape::For(count, base_.end_id());
  records_ = Slots(record_shape_);
  copies_.assign(base_.end_id() / 32 + 1, 0);
  for (const TypeId id : by_position_) {
    const TypeRecord& type = base_.type(id);
    if (IsGraphKind(type.kind()) || !IsKnown(type)) continue;
    if (work_.exhausted()) return;
    FileRecord(id, type);
  }
}

void DedupIndexBuilder::CollectNames() {
  // by_position_ has the order that is wanted within a name, and the sort is
  // stable.
  for (const TypeId id : by_position_) {
    const TypeRecord& type = base_.type(id);
    const uint32_t name = type.name_off;
    if (IsAnyEnum(type.kind())) {
      enum_names_.push_back({name, id, id});
      if (type.vlen() == 0) empty_enums_.push_back({name, id});
    } else if (IsComposite(type.kind())) {
      composites_.push_back({name, id});
    } else if (type.kind() == Kind::kFwd) {
      forwards_.push_back(name);
    }
  }
  auto by_name = [](const auto& a, const auto& b) {
    return a.name_off < b.name_off;
  };
  auto same_name = [](const auto& a, const auto& b) {
    return a.name_off == b.name_off;
  };
  std::stable_sort(enum_names_.begin(), enum_names_.end(), by_name);
  for (size_t i = enum_names_.size(); i > 1; --i) {
    if (!same_name(enum_names_[i - 1], enum_names_[i - 2])) continue;
    enum_names_[i - 2].highest = enum_names_[i - 1].highest;
  }
  enum_names_.erase(
      std::unique(enum_names_.begin(), enum_names_.end(), same_name),
      enum_names_.end());
  std::stable_sort(empty_enums_.begin(), empty_enums_.end(), by_name);
  std::sort(composites_.begin(), composites_.end(), by_name);
  for (size_t i = 1; i < composites_.size(); ++i) {
    if (!same_name(composites_[i], composites_[i - 1])) continue;
    composites_[i - 1].id = composites_[i].id = 0;
  }
  composites_.erase(
      std::unique(composites_.begin(), composites_.end(), same_name),
      composites_.end());
  std::sort(forwards_.begin(), forwards_.end());
  forwards_.erase(std::unique(forwards_.begin(), forwards_.end()),
                  forwards_.end());
}

util::Blob DedupIndexBuilder::Lay() const {
  struct Source {
    const void* data;
    uint64_t size;
  };
  auto source = [](const auto& v) {
    return Source{v.data(), v.size() * sizeof(v[0])};
  };
  const Source sources[kDedupSections] = {
      source(fingerprints_), source(copies_),       source(odd_types_),
      source(twins_),        source(signatures_),   source(records_),
      source(graphs_),       source(plain_graphs_), source(enum_names_),
      source(empty_enums_),  source(composites_),   source(forwards_),
      source(not_filed_)};
  DedupBlobHeader header{};
  uint64_t at = sizeof(header);
  for (uint32_t i = 0; i < kDedupSections; ++i) {
    header.sections[i] = {at, sources[i].size};
    at += (sources[i].size + 7) / 8 * 8;
  }
  header.magic = kDedupBlobMagic;
  header.version = kDedupBlobVersion;
  header.size = at;
  header.base = base_.fingerprint();
  header.end = base_.end_id();
  header.odd_references = odd_references_;
  header.record_shape = record_shape_;
  header.graph_shape = graph_shape_;
  util::Blob blob(at);
  std::memset(blob.data(), 0, at);
  for (uint32_t i = 0; i < kDedupSections; ++i) {
    if (sources[i].size == 0) continue;
    std::memcpy(blob.data() + header.sections[i].offset, sources[i].data,
                sources[i].size);
  }
  std::memcpy(blob.data(), &header, sizeof(header));
  header.checksum = DedupBlobChecksum(blob.view());
  std::memcpy(blob.data(), &header, sizeof(header));
  return blob;
}

absl::StatusOr<std::shared_ptr<const DedupIndex>> DedupIndexBuilder::Build() {
  Number();
  FingerprintAll();
  FileAll();
  if (work_.exhausted()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("base BTF: so many of its types are the same that filing "
                     "them ",
                     work_.Check().message()));
  }
  CollectNames();
  std::shared_ptr<DedupIndex> index(new DedupIndex());
  index->Attach(Lay(), base_);
  return std::shared_ptr<const DedupIndex>(std::move(index));
}

absl::StatusOr<std::shared_ptr<const DedupIndex>> DedupIndex::Build(
    const Base& base) {
  if (base.end_id() > kMaxTypes) {
    return absl::InvalidArgumentError(
        absl::StrCat("base has ", base.end_id() - 1,
                     " types, more than a dedup index can hold"));
  }
  if (base.has_dangling_ids()) {
    return absl::InvalidArgumentError("base refers to types that it has not");
  }
  return DedupIndexBuilder(base).Build();
}

}  // namespace btfd::btf
