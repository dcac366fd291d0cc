// SPDX-License-Identifier: Apache-2.0
//
// Let a comparison succeed in which x was accepted for k, though h != x was
// assumed for k. Then h is identical with x as Identity (identity.h) sees
// it; and (h, k) was compared part by part, so their signatures are equal:
// the same shape, and parts of the same fingerprints. If there is no such h, x
// is pinned to k.
//
// Being identical takes a finite proof, part by part, down to leaves or to
// equal ids. So what leads into a cycle of own types is never identical with a
// type of the base. Among own types of that sort, copies are looked for: of
// each, its shape, the ids of those parts that count as unique, and the
// fingerprints of the others are hashed. Types of equal hash stop being unique;
// that makes the hashes coarser, and so it goes on until nothing changes. What
// is left is identical with nothing: in a proof that it is, the parts would
// have been found to be copies, and would count by their fingerprints, which
// copies share. Collisions of hashes only make types lose their uniqueness,
// which is always safe.
//
// All other types (ARRAY is one, because Identity does not look at elements)
// are held by signature: what is assumed for k is one of those that have the
// signature of k.
#include "lib/engine/dedup/compare/unique_types.h"

namespace btfd::engine::dedup {

namespace {

constexpr int kMaxRounds = 16;
// More others than that are not worth looking through.
constexpr int kMaxOthers = 16;

// Kinds whose parts Identity looks at.
bool IsTransparent(Kind kind) {
  return btf::HasParts(kind) && kind != Kind::kArray;
}

}  // namespace

void SignatureTable::Reserve(size_t count) {
  first_.Clear(count);
  entries_.reserve(count + 1);
  entries_.push_back({});
}

TypeId SignatureTable::Add(uint64_t signature, TypeId id) {
  uint64_t passed = 0;
  uint32_t& first = first_.At(KeyOf(signature), &passed);
  work_->Spend(passed);
  const auto entry = static_cast<uint32_t>(entries_.size());
  if (first == 0) {
    first = entry;
    entries_.push_back({signature, id, 0});
    return 0;
  }
  entries_.push_back({signature, id, entries_[first].next});
  entries_[first].next = entry;
  return entries_[first].id;
}

const SignatureTable::Entry* SignatureTable::First(uint64_t signature) const {
  uint64_t passed = 0;
  const uint32_t* const entry = first_.Find(KeyOf(signature), &passed);
  work_->Spend(passed);
  return entry == nullptr ? nullptr : &entries_[*entry];
}

UniqueTypes::UniqueTypes(const State& state, SplitFingerprints* fingerprints)
    : types_(state.types),
      work_(state.work),
      index_(state.index),
      fingerprints_(fingerprints),
      marks_(state.memory),
      plain_(state.work, state.memory),
      cyclic_(state.work, state.memory),
      lost_(state.memory),
      stack_(state.memory) {}

// Marks `start` and what it leads to.
void UniqueTypes::MarkCyclic(TypeId start) {
  stack_.assign(1, start);
  while (!stack_.empty()) {
    const TypeId id = stack_.back();
    const TypeRecord& type = types_[id];
    Mark& mark = At(id);
    if (mark == kNotSeen && IsTransparent(type.kind())) {
      mark = kOpen;
      btf::ForEachTypeField(type, [&](TypeId part) {
        if (types_.is_own(part) && At(part) == kNotSeen) {
          stack_.push_back(part);
        }
      });
      continue;
    }
    if (mark == kOpen) {
      bool cyclic = false;
      btf::ForEachTypeField(type, [&](TypeId part) {
        cyclic |=
            types_.is_own(part) && (At(part) == kOpen || At(part) == kCyclic);
      });
      mark = cyclic ? kCyclic : kPlain;
    } else if (mark == kNotSeen) {
      mark = kPlain;
    }
    stack_.pop_back();
  }
}

uint64_t UniqueTypes::Signature(const TypeRecord& type) {
  uint64_t hash = btf::PartsKey(type);
  btf::ForEachTypeField(type, [&](TypeId part) {
    hash = IsUniqueCyclic(part)
               ? btf::HashStep(hash, 1, part)
               : btf::HashStep(hash, 0, fingerprints_->Of(part));
  });
  return hash;
}

void UniqueTypes::SignCyclic(TypeId id) {
  const TypeId first = cyclic_.Add(Signature(types_[id]), id);
  if (first == 0 || first == id) return;
  lost_.push_back(first);
  lost_.push_back(id);
}

bool UniqueTypes::HasLostPart(const TypeRecord& type) {
  bool lost = false;
  btf::ForEachTypeField(type, [&](TypeId part) {
    lost |= types_.is_own(part) && At(part) == kCyclicLost;
  });
  return lost;
}

// The marks of what this round has found to be copied. False if nothing new.
bool UniqueTypes::MarkLost() {
  bool any = false;
  for (const TypeId id : lost_) {
    if (At(id) != kCyclic) continue;
    At(id) = kCyclicLost;
    any = true;
  }
  return any;
}

bool UniqueTypes::Find() {
  marks_.assign(types_.own_count(), kNotSeen);
  for (TypeId id = types_.first(); id < types_.end(); ++id) {
    if (At(id) == kNotSeen) MarkCyclic(id);
  }
  plain_.Reserve(types_.own_count());
  cyclic_.Reserve(types_.own_count());
  for (TypeId id = types_.first(); id < types_.end(); ++id) {
    if (work_->exhausted()) return false;
    const TypeRecord& type = types_[id];
    if (At(id) == kCyclic) {
      SignCyclic(id);
    } else if (btf::HasParts(type.kind())) {
      plain_.Add(fingerprints_->SignatureOf(type), id);
    }
  }
  std::pmr::vector<TypeId> again(stack_.get_allocator());
  for (int round = 0; round < kMaxRounds; ++round) {
    if (!MarkLost()) return true;
    again.clear();
    for (TypeId id = types_.first(); id < types_.end(); ++id) {
      if (At(id) >= kCyclic && HasLostPart(types_[id])) again.push_back(id);
    }
    for (const TypeId id : lost_) At(id) = kCyclicCopied;
    lost_.clear();
    for (const TypeId id : again) SignCyclic(id);
  }
  return false;
}

bool UniqueTypes::IsHeldInBase(TypeId candidate, TypeId canonical,
                               uint64_t signature) {
  if (index_ == nullptr) return true;
  const bool own_candidate = types_.is_own(candidate);
  if (!types_.is_own(canonical)) {
    return own_candidate && !index_->HasTwin(canonical);
  }
  if (own_candidate) return !index_->HasSignature(signature);
  return !index_->HasTwin(candidate) &&
         fingerprints_->SignatureOf(types_[candidate]) == signature;
}

bool UniqueTypes::IsPinned(TypeId candidate, TypeId canonical,
                           std::pmr::vector<TypeId>* others) {
  others->clear();
  if (types_.is_own(candidate)) {
    if (At(candidate) == kCyclic) return true;
    if (At(candidate) != kPlain) return false;
  }
  const TypeRecord& type = types_[candidate];
  const TypeRecord& other = types_[canonical];
  if (type.kind() != other.kind() || !btf::HasParts(type.kind())) return false;
  const uint64_t signature = fingerprints_->SignatureOf(other);
  if (!IsHeldInBase(candidate, canonical, signature)) return false;
  int count = 0;
  for (const SignatureTable::Entry* own = plain_.First(signature);
       own != nullptr; own = plain_.Next(*own)) {
    if (++count > kMaxOthers) return false;
    if (own->id != candidate && own->id != canonical) {
      others->push_back(own->id);
    }
  }
  return true;
}

}  // namespace btfd::engine::dedup
