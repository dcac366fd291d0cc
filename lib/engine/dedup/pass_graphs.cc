// SPDX-License-Identifier: Apache-2.0
//
// STRUCT, UNION and, by most rules, TYPEDEF: each own type that no earlier
// comparison has settled is compared, as a graph, with the candidates of its
// key in libbpf's order; the first that is the same stands for it. Candidates
// whose fingerprint differs are left out: a comparison that fails leaves no
// trace, so one that must fail need not be made.
#include "absl/strings/str_cat.h"
#include "lib/engine/dedup/compare/compare.h"
#include "lib/engine/dedup/state.h"

namespace btfd::engine::dedup {

namespace {

// Whether a comparison may meet a VAR, DATASEC or DECL_TAG: then it is an error
// where libbpf gets as far, and no candidate may be left out.
bool HasOddReferences(const State& state) {
  if (state.index != nullptr && state.index->has_odd_references()) return true;
  const Types& types = state.types;
  bool odd = false;
  for (TypeId id = types.first(); id < types.end(); ++id) {
    const TypeRecord& type = types[id];
    if (btf::IsNeverReferred(type.kind()) || type.kind() == Kind::kFwd) {
      continue;
    }
    btf::ForEachTypeField(type, [&](TypeId to) {
      odd |= types.is_own(to)
                 ? btf::IsNeverReferred(types[to].kind())
                 : state.index != nullptr && state.index->IsNeverReferred(to);
    });
  }
  return odd;
}

class GraphPass {
 public:
  GraphPass(State* state, bool learn_at_once)
      : state_(state),
        typedefs_are_graphs_(state->rules.typedefs_are_graphs),
        finds_base_typedefs_(state->rules.finds_base_typedefs),
        filter_(!HasOddReferences(*state)),
        fingerprints_(*state),
        comparison_(state, &fingerprints_,
                    !filter_        ? Learning::kNever
                    : learn_at_once ? Learning::kAtOnce
                                    : Learning::kWhenWorthIt),
        candidates_(state->memory) {}

  absl::Status Run() {
    const Types& types = state_->types;
    for (TypeId id = types.first(); id < types.end(); ++id) {
      if (state_->IsMapped(id)) continue;
      const Kind kind = types[id].kind();
      if (!btf::IsGraphKind(kind)) continue;
      if (kind == Kind::kTypedef && !typedefs_are_graphs_) continue;
      const absl::Status status = Settle(id, types[id]);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Settle(TypeId id, const TypeRecord& type) {
    const uint64_t key =
        filter_ ? fingerprints_.SignatureOf(type) : btf::PartsKey(type);
    const bool is_typedef = type.kind() == Kind::kTypedef;
    state_->candidates.ListGraphs(
        key, filter_, !is_typedef || finds_base_typedefs_, &candidates_);
    for (const TypeId candidate : candidates_) {
      const TypeRecord& other = state_->types[candidate];
      state_->work->Spend(type.vlen());
      const bool alike = is_typedef ? type.name_off == other.name_off &&
                                          type.info == other.info
                                    : btf::SameShape(type, other);
      if (!alike) continue;
      switch (comparison_.Compare(id, candidate)) {
        case Equality::kDifferent:
          continue;
        case Equality::kNotComparable:
          return absl::InvalidArgumentError(absl::StrCat(
              "dedup: type ", id,
              " leads to a VAR, DATASEC or DECL_TAG, which no type may "
              "refer to"));
        case Equality::kEndless:
          return absl::InvalidArgumentError(absl::StrCat(
              "dedup: type ", id,
              " leads to a cycle of references without a struct in it, or to "
              "structs that contain each other"));
        case Equality::kTooMuchWork:
          return state_->work->Check();
        case Equality::kSame:
          break;
      }
      comparison_.Merge();
      if (comparison_.would_change_base()) continue;
      return absl::OkStatus();
    }
    state_->Map(id, id);
    state_->candidates.Insert(key, id);
    return state_->work->Check();
  }

  State* state_;
  const bool typedefs_are_graphs_;
  const bool finds_base_typedefs_;
  bool filter_;
  SplitFingerprints fingerprints_;
  Comparison comparison_;
  std::pmr::vector<TypeId> candidates_;
};

}  // namespace

absl::Status DedupGraphs(State* state, bool learn_at_once) {
  return GraphPass(state, learn_at_once).Run();
}

}  // namespace btfd::engine::dedup
