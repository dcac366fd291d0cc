// SPDX-License-Identifier: Apache-2.0
//
// What the passes of dedup share: the types of base and split, which type
// stands for which, and the candidates. Internal to dedup.
#ifndef BTFD_LIB_ENGINE_DEDUP_STATE_H_
#define BTFD_LIB_ENGINE_DEDUP_STATE_H_

#include <cstdint>
#include <memory_resource>
#include <vector>

#include "absl/status/status.h"
#include "lib/btf/base.h"
#include "lib/btf/btf.h"
#include "lib/btf/dedup_index.h"
#include "lib/btf/dedup_key.h"
#include "lib/engine/dedup/candidates.h"
#include "lib/engine/dedup/rules.h"
#include "lib/util/probe_map.h"
#include "lib/util/work_budget.h"

namespace btfd::engine::dedup {

using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

// Marks in the map of own types.
inline constexpr TypeId kUnset = 0xffffffff;
inline constexpr TypeId kInProgress = 0xfffffffe;

// Records by id, of the base and the own ones, without a look at what they
// belong to. Own records may be rewritten in place.
class Types {
 public:
  explicit Types(btf::Btf* btf);

  TypeId first() const { return first_; }  // first own id
  TypeId end() const { return end_; }
  uint32_t own_count() const { return end_ - first_; }
  bool is_own(TypeId id) const { return id >= first_; }
  const TypeRecord& operator[](TypeId id) const {
    return *reinterpret_cast<const TypeRecord*>(
        id >= first_ ? own_words_ + own_offsets_[id - first_]
                     : base_words_ + base_offsets_[id]);
  }
  TypeRecord& own(TypeId id) const {
    return *reinterpret_cast<TypeRecord*>(own_words_ +
                                          own_offsets_[id - first_]);
  }
  // Words of an own record, whatever its kind.
  uint32_t own_words(TypeId id) const {
    return own_offsets_[id - first_ + 1] - own_offsets_[id - first_];
  }

 private:
  TypeId first_;
  TypeId end_;
  const uint32_t* base_words_;
  const uint32_t* base_offsets_;
  uint32_t* own_words_ = nullptr;
  const uint32_t* own_offsets_;
};

// Base types that gave way to own ones: forwards that a struct or union was
// found for, and empty enums that a full one was found for. Few, mostly none.
class Redirects {
 public:
  explicit Redirects(std::pmr::memory_resource* memory) : to_(memory) {}

  // `id` itself where it was not redirected.
  TypeId Of(TypeId id) const {
    const TypeId* const to = to_.Find(id);
    return to == nullptr ? id : *to;
  }
  // Precondition: from != 0.
  void Set(TypeId from, TypeId to) { to_[from] = to; }

 private:
  util::ProbeMap<TypeId, TypeId> to_;
};

struct State {
  State(btf::Btf* btf, const btf::DedupIndex* index, const Rules& rules,
        util::WorkBudget* work);

  // The type that stands for `id` as far as known.
  TypeId Root(TypeId id) const {
    for (;;) {
      const TypeId next =
          types.is_own(id) ? map[id - types.first()] : redirects.Of(id);
      if (next == id || next >= kInProgress) return id;
      id = next;
    }
  }
  // The same for a forward that a struct or union stands for; else `id`.
  TypeId ForwardRoot(TypeId id) const {
    if (types[id].kind() != Kind::kFwd) return id;
    const TypeId root = Root(id);
    return types[root].kind() != Kind::kFwd ? root : id;
  }
  bool IsMapped(TypeId id) const {
    return !types.is_own(id) || map[id - types.first()] < kInProgress;
  }
  bool IsCanonical(TypeId own_id) const {
    return map[own_id - types.first()] == own_id;
  }
  void Map(TypeId id, TypeId to) {
    if (types.is_own(id)) {
      map[id - types.first()] = to;
    } else {
      redirects.Set(id, to);
    }
  }

  btf::Btf* btf;
  const btf::Base* base;         // null for a standalone BTF
  const btf::DedupIndex* index;  // null exactly where base is
  const Rules rules;
  std::pmr::memory_resource* memory;
  util::WorkBudget* work;
  Types types;
  std::pmr::vector<TypeId> map;  // by own id; kUnset, kInProgress or an id
  Redirects redirects;
  // By own id: a base type that a graph comparison paired it with, or 0. It
  // is what the reference pass will find, in most cases.
  std::pmr::vector<TypeId> hints;
  Candidates candidates;
};

// The passes, in their order. Each stands in its own file.
absl::Status DedupStrings(btf::Btf* btf);
absl::Status DedupPrimitives(State* state);
absl::Status DedupGraphs(State* state, bool learn_at_once);
void ResolveForwards(State* state);
absl::Status DedupReferences(State* state);
absl::Status Compact(State* state, std::pmr::vector<TypeId>* new_ids);

}  // namespace btfd::engine::dedup

#endif  // BTFD_LIB_ENGINE_DEDUP_STATE_H_
