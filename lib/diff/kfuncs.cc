// SPDX-License-Identifier: Apache-2.0
#include "lib/diff/kfuncs.h"

#include <map>
#include <utility>

#include "lib/engine/btf_ids.h"
#include "lib/engine/kfuncs.h"
#include "lib/util/status_macros.h"
#include "lib/util/work_budget.h"

namespace btfd::diff {

absl::StatusOr<std::vector<Kfunc>> KfuncsOf(
    const btf::Btf& btf, const std::optional<engine::IdsSection>& ids) {
  std::map<std::string, std::optional<uint32_t>> found;
  for (btf::TypeId id = btf.first_id(); id < btf.end_id(); ++id) {
    const btf::TypeRecord& type = btf.own_type(id);
    if (type.kind() == btf::Kind::kDeclTag &&
        static_cast<int32_t>(type.tail()[0]) == -1 &&
        btf.name(id) == engine::kKfuncTag &&
        btf.type(type.size_or_type).kind() == btf::Kind::kFunc) {
      found[btf.name(type.size_or_type)];
    }
  }
  if (ids.has_value()) {
    util::WorkBudget work = util::WorkBudget::ForInput(
        ids->content.size() + sizeof(engine::IdSymbol) * ids->symbols.size() +
        4 * btf.words().size());
    ASSIGN_OR_RETURN(engine::BtfIds sets,
                     engine::BtfIds::Parse(*ids, btf.memory(), &work));
    RETURN_IF_ERROR(sets.FollowResolvedSets(btf));
    engine::OwnFuncs own_funcs(btf);
    // They are about entries without a function, which are no kfuncs.
    std::vector<std::string> warnings;
    ASSIGN_OR_RETURN(const auto kfuncs,
                     engine::KfuncsBySet8(btf, &sets, &own_funcs, &warnings));
    for (const engine::Kfunc& kfunc : kfuncs) {
      found[std::string(kfunc.name)] = kfunc.flags;
    }
  }
  std::vector<Kfunc> kfuncs;
  for (auto& [name, flags] : found) kfuncs.push_back({name, flags});
  return kfuncs;
}

}  // namespace btfd::diff
