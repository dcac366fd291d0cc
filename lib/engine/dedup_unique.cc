// SPDX-License-Identifier: Apache-2.0
//
// Let a comparison succeed in which x was accepted for k, though h != x was
// assumed for k. Then h is identical with x as Identity (dedup_compare.h) sees
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
#include "lib/engine/dedup_unique.h"

#include <algorithm>

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

UniqueTypes::UniqueTypes(const State& state, SplitFingerprints* fingerprints)
    : types_(state.types),
      index_(state.index),
      fingerprints_(fingerprints),
      marks_(state.memory),
      plain_(state.memory),
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

void UniqueTypes::SignPlain() {
  for (TypeId id = types_.first(); id < types_.end(); ++id) {
    const TypeRecord& type = types_[id];
    if (At(id) == kPlain && btf::HasParts(type.kind())) {
      plain_.push_back({fingerprints_->SignatureOf(type), id});
    }
  }
  std::sort(plain_.begin(), plain_.end(), BySignature());
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

// One round; false if there was nothing to remove.
bool UniqueTypes::RemoveCyclicCopies() {
  std::pmr::vector<Signed> all(stack_.get_allocator());
  for (TypeId id = types_.first(); id < types_.end(); ++id) {
    if (At(id) == kCyclic || At(id) == kCyclicCopied) {
      all.push_back({Signature(types_[id]), id});
    }
  }
  std::sort(all.begin(), all.end(), BySignature());
  bool removed = false;
  for (size_t i = 1; i < all.size(); ++i) {
    if (all[i].signature != all[i - 1].signature) continue;
    for (const TypeId id : {all[i].id, all[i - 1].id}) {
      removed |= At(id) == kCyclic;
      At(id) = kCyclicCopied;
    }
  }
  return removed;
}

bool UniqueTypes::Find() {
  marks_.assign(types_.own_count(), kNotSeen);
  for (TypeId id = types_.first(); id < types_.end(); ++id) {
    if (At(id) == kNotSeen) MarkCyclic(id);
  }
  SignPlain();
  for (int round = 0; round < kMaxRounds; ++round) {
    if (!RemoveCyclicCopies()) return true;
  }
  return false;
}

// Whether no base type other than `candidate` can be what `canonical` is
// assumed to correspond to.
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
  const auto own = std::equal_range(plain_.begin(), plain_.end(),
                                    Signed{signature, 0}, BySignature());
  if (own.second - own.first > kMaxOthers) return false;
  for (auto it = own.first; it != own.second; ++it) {
    if (it->id != candidate && it->id != canonical) others->push_back(it->id);
  }
  return true;
}

}  // namespace btfd::engine::dedup
