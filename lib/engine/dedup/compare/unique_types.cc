// SPDX-License-Identifier: Apache-2.0
//
// Which types are pinned, and why.
//
// A comparison assumes one candidate for each canonical type that it meets. If
// it meets k again with another candidate x, while h is assumed for k, it
// accepts x only if h and x are identical (identity.h). So x is *pinned* to k
// if no such h exists: a comparison that succeeds and has accepted (x, k) has
// assumed (x, k).
//
// An h must pass two tests. It is identical with x. And it was compared with k
// part by part, so that h and k have one signature: the same shape, and parts
// of the same fingerprints. This file finds types for which no h passes.
//
// Types in cycles. Identity looks for a finite proof: it goes from part to part
// until it comes to leaves or to equal ids. From a type that leads into a cycle
// of own types such a proof can end at equal ids only. Therefore such a type is
// never identical with a type of the base, and only a copy among the own types
// can be identical with it. To find copies, each type in a cycle gets a hash of
// its shape, of the ids of its parts that count as unique, and of the
// fingerprints of its other parts. At first all types in cycles count as
// unique. Types that share a hash stop counting as unique. That makes hashes
// coarser, so this is repeated until nothing changes. A type that still counts
// as unique is identical with no other type: in a proof of the contrary its
// parts would be copies of each other, would not count as unique, and so would
// have added equal fingerprints to equal hashes. If two hashes are equal by
// chance, types lose their uniqueness, which is always safe.
//
//   Example. struct a { struct a *next; } is a cycle of its own; p is the type
//   of `next`. Four structs lead into it:
//     1: struct u { p m; }             2: struct u { p m; }
//     3: struct v { struct u m; },     4: struct v { struct u m; },
//        where m is of type 1             where m is of type 2
//   Round 1: all count as unique. 1 and 2 have the same shape and the same part
//   p: their hashes are equal, so they stop counting. 3 and 4 have the parts 1
//   and 2: their hashes differ. Round 2: 3 and 4 are hashed again, with the
//   fingerprints of 1 and 2 in place of their ids. These are equal, so 3 and 4
//   stop counting, too. Round 3: nothing changes. struct a and p still count:
//   they are pinned to whatever they are accepted for. 1 to 4 are not.
//
// All other types (ARRAY is one, because Identity does not look at elements)
// are kept by signature. An h that was assumed for k is one of those that have
// the signature of k; IsPinned() names them, and the caller rules them out.
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
