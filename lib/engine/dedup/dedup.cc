// SPDX-License-Identifier: Apache-2.0
//
// libbpf's dedup, pass by pass, without its walks over the base: base types
// stand for themselves unless a small table says otherwise, and the base's
// candidates come from its index, in the order in which libbpf would have filed
// them. What a pass does is told in its file.
#include "lib/engine/dedup/dedup.h"

#include "absl/strings/str_cat.h"
#include "lib/engine/dedup/state.h"
#include "lib/util/status_macros.h"

namespace btfd::engine {

namespace {

absl::Status CheckMemberCounts(const btf::Btf& btf, uint32_t max_vlen) {
  for (btf::TypeId id = btf.first_id(); id < btf.end_id(); ++id) {
    const uint32_t vlen = btf.own_type(id).vlen();
    if (vlen <= max_vlen) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("dedup: type ", id, " has ", vlen, " members; up to ",
                     max_vlen, " can be counted by these rules"));
  }
  return absl::OkStatus();
}

absl::Status CheckInput(const btf::Btf& btf, const btf::DedupIndex* index,
                        const dedup::Rules& rules) {
  RETURN_IF_ERROR(btf.CheckModifiable());
  if ((index == nullptr) != (btf.base() == nullptr) ||
      (btf.base() == nullptr && btf.first_id() != 1)) {
    return absl::InvalidArgumentError(
        "dedup: the base's candidates are missing");
  }
  if (btf.has_unknown_kinds() ||
      (btf.base() != nullptr && btf.base()->has_unknown_kinds())) {
    return absl::InvalidArgumentError(
        absl::StrCat("dedup: ", btf.has_unknown_kinds() ? "the" : "the base's",
                     " types include a kind that is not known"));
  }
  if (btf.has_dangling_ids()) {
    return absl::InvalidArgumentError(
        "dedup: a type refers to a type that does not exist");
  }
  return rules.max_vlen < btf::kMaxVlen ? CheckMemberCounts(btf, rules.max_vlen)
                                        : absl::OkStatus();
}

}  // namespace

absl::Status Dedup(btf::Btf* btf, const btf::DedupIndex* index,
                   std::pmr::vector<btf::TypeId>* new_ids,
                   const DedupOptions& options) {
  const dedup::Rules rules = dedup::RulesOf(options.rules);
  RETURN_IF_ERROR(CheckInput(*btf, index, rules));
  if (!options.keep_strings) RETURN_IF_ERROR(dedup::DedupStrings(btf));
  util::WorkBudget own_work =
      util::WorkBudget::ForInput(btf->words().size() * 4);
  dedup::State state(btf, index, rules,
                     options.work != nullptr ? options.work : &own_work);
  RETURN_IF_ERROR(dedup::DedupPrimitives(&state));
  RETURN_IF_ERROR(dedup::DedupGraphs(&state, options.learn_at_once));
  dedup::ResolveForwards(&state);
  RETURN_IF_ERROR(dedup::DedupReferences(&state));
  return dedup::Compact(&state, new_ids);
}

}  // namespace btfd::engine
