// SPDX-License-Identifier: Apache-2.0
//
// libbpf pushes a new candidate in front of its chain, and turns all chains
// around whenever its map grows. So a chain always reads: own types that came
// since the last turn, newest first; the base's; own types from before, oldest
// first. Two lists for each key hold the own ones, and a turn swaps and
// reverses them, which happens as seldom as a table doubles.
#include "lib/engine/dedup/candidates.h"

#include <algorithm>
#include <utility>

#include "lib/btf/dedup_key.h"
#include "lib/engine/dedup/state.h"

namespace btfd::engine::dedup {

namespace {
constexpr uint32_t kFirstCapacity = 256;

// A table of at most three slots a key is filled up to two thirds.
btf::ProbeShape ShapeFor(uint64_t keys) {
  return btf::ProbeShape::For(keys, keys * 4);
}

uint64_t EmptyEnumKey(uint32_t name_off) {
  return btf::HashStep(0x656d707479, name_off);
}
}  // namespace

Candidates::Candidates(const btf::DedupIndex* index, const Types* types,
                       util::WorkBudget* work,
                       std::pmr::memory_resource* memory)
    : index_(index),
      types_(types),
      work_(work),
      slots_(memory),
      sequences_(memory),
      nodes_(memory),
      positions_(types->own_count(), memory) {
  if (index_ != nullptr) order_ = index_->order();
  sequences_.push_back({});  // so that 0 is no sequence
  nodes_.push_back({});      // nor a node
  shape_ = ShapeFor(kFirstCapacity);
  slots_.resize(size_t{shape_.mask} + 1);
}

uint32_t Candidates::Locate(uint64_t key) const {
  const uint32_t i = btf::Probe(
      slots_.data(), shape_, key,
      [&](uint32_t sequence) { return sequences_[sequence].key == key; });
  work_->Spend((i - static_cast<uint32_t>(key)) & shape_.mask);
  return i;
}

const Candidates::Sequence* Candidates::Find(uint64_t key) const {
  const uint32_t i = Locate(key);
  return slots_[i] == 0 ? nullptr : &sequences_[shape_.value(slots_[i])];
}

void Candidates::Grow() {
  const uint64_t capacity = sequences_.size() * 2;
  shape_ = ShapeFor(capacity);
  slots_.assign(size_t{shape_.mask} + 1, 0);
  for (uint32_t s = 1; s < sequences_.size(); ++s) {
    const uint64_t key = sequences_[s].key;
    const uint32_t i =
        btf::Probe(slots_.data(), shape_, key, [](uint32_t) { return false; });
    slots_[i] = shape_.slot(key, s);
  }
}

uint32_t Candidates::Reversed(uint32_t list) {
  uint32_t reversed = 0;
  while (list != 0) {
    const uint32_t next = nodes_[list].next;
    nodes_[list].next = reversed;
    reversed = list;
    list = next;
  }
  return reversed;
}

void Candidates::TurnAround() {
  for (Sequence& sequence : sequences_) {
    const uint32_t before = sequence.before;
    sequence.before = Reversed(sequence.after);
    sequence.after = Reversed(before);
  }
}

void Candidates::Link(uint64_t key, btf::TypeId id) {
  const uint32_t i = Locate(key);
  uint32_t s = shape_.value(slots_[i]);
  if (s == 0) {
    s = static_cast<uint32_t>(sequences_.size());
    slots_[i] = shape_.slot(key, s);
    sequences_.push_back({key, 0, 0});
  }
  nodes_.push_back({id, sequences_[s].before});
  sequences_[s].before = static_cast<uint32_t>(nodes_.size() - 1);
  if (sequences_.size() * 3 > (size_t{shape_.mask} + 1) * 2) Grow();
}

void Candidates::Insert(uint64_t key, btf::TypeId id) {
  bool turned;
  positions_[id - types_->first()] = order_.Insert(&turned);
  if (turned) TurnAround();
  Link(key, id);
}

void Candidates::InsertEnum(uint64_t key, btf::TypeId id) {
  Insert(key, id);
  const btf::TypeRecord& type = (*types_)[id];
  Link(btf::EnumNameKey(type.name_off), id);
  if (type.vlen() == 0) Link(EmptyEnumKey(type.name_off), id);
}

btf::TypeId Candidates::FindOwnRecord(uint64_t key,
                                      const btf::TypeRecord& type) const {
  const Sequence* sequence = Find(key);
  if (sequence == nullptr) return 0;
  for (uint32_t list : {sequence->before, sequence->after}) {
    for (; list != 0; list = nodes_[list].next) {
      const btf::TypeId id = nodes_[list].id;
      work_->Spend(1);
      if (btf::SameRecord(type, (*types_)[id])) return id;
    }
  }
  return 0;
}

// An own type was filed only because nothing equalled it: so at most one own
// candidate equals the type, and none where a base's does.
btf::TypeId Candidates::FindRecord(uint64_t key,
                                   const btf::TypeRecord& type) const {
  if (index_ != nullptr) {
    const btf::TypeId id = index_->FindRecord(key, type, order_.descending);
    if (id != 0) return id;
  }
  return FindOwnRecord(key, type);
}

// The index has the base's typedefs by their parts' key.
btf::TypeId Candidates::FindTypedef(uint64_t key,
                                    const btf::TypeRecord& type) const {
  btf::TypeId found = 0;
  if (index_ != nullptr) {
    index_->ForEachGraph(btf::PartsKey(type), false, [&](btf::TypeId id) {
      work_->Spend(1);
      if ((found == 0 || order_.descending) &&
          btf::SameRecord(type, (*types_)[id])) {
        found = id;
      }
    });
  }
  return found != 0 ? found : FindOwnRecord(key, type);
}

void Candidates::ListGraphs(uint64_t key, bool with_fingerprints,
                            bool with_base,
                            std::pmr::vector<btf::TypeId>* ids) const {
  ids->clear();
  const Sequence* sequence = Find(key);
  if (sequence != nullptr) {
    for (uint32_t n = sequence->before; n != 0; n = nodes_[n].next) {
      ids->push_back(nodes_[n].id);
    }
  }
  if (index_ != nullptr && with_base) {
    const size_t begin = ids->size();
    index_->ForEachGraph(key, with_fingerprints,
                         [&](btf::TypeId id) { ids->push_back(id); });
    if (order_.descending) std::reverse(ids->begin() + begin, ids->end());
  }
  if (sequence != nullptr) {
    for (uint32_t n = sequence->after; n != 0; n = nodes_[n].next) {
      ids->push_back(nodes_[n].id);
    }
  }
  work_->Spend(ids->size());
}

btf::TypeId Candidates::FirstEnumOf(uint32_t list, uint32_t name_off) const {
  for (; list != 0; list = nodes_[list].next) {
    work_->Spend(1);
    const btf::TypeRecord& type = (*types_)[nodes_[list].id];
    if (btf::IsAnyEnum(type.kind()) && type.name_off == name_off) {
      return nodes_[list].id;
    }
  }
  return 0;
}

btf::TypeId Candidates::FirstEnum(uint32_t name_off) const {
  const Sequence* own = Find(btf::EnumNameKey(name_off));
  if (own != nullptr) {
    const btf::TypeId id = FirstEnumOf(own->before, name_off);
    if (id != 0) return id;
  }
  if (index_ != nullptr) {
    const auto* name = index_->FindEnumName(name_off);
    if (name != nullptr) {
      return order_.descending ? name->highest : name->lowest;
    }
  }
  return own == nullptr ? 0 : FirstEnumOf(own->after, name_off);
}

int32_t Candidates::PositionOf(btf::TypeId id) const {
  return types_->is_own(id) ? positions_[id - types_->first()]
                            : index_->PositionOf(id);
}

void Candidates::ListEmptyEnums(uint32_t name_off, btf::TypeId end,
                                std::pmr::vector<btf::TypeId>* ids) const {
  ids->clear();
  if (index_ != nullptr) {
    for (const auto& empty : index_->EmptyEnums(name_off)) {
      ids->push_back(empty.id);
    }
    work_->Spend(ids->size());
  }
  // An own one was filed only where its name had no enum yet: at most one.
  const Sequence* own = Find(EmptyEnumKey(name_off));
  if (own != nullptr) {
    for (uint32_t list : {own->before, own->after}) {
      const btf::TypeId id = FirstEnumOf(list, name_off);
      if (id != 0) ids->push_back(id);
    }
  }
  if (end == 0 || ids->empty()) return;
  const int32_t limit = PositionOf(end);
  ids->erase(std::remove_if(ids->begin(), ids->end(),
                            [&](btf::TypeId id) {
                              const int32_t position = PositionOf(id);
                              return order_.descending ? position <= limit
                                                       : position >= limit;
                            }),
             ids->end());
}

}  // namespace btfd::engine::dedup
