// SPDX-License-Identifier: Apache-2.0
#include "lib/report/measure.h"

#include <cstring>
#include <memory>
#include <utility>

#include "lib/btf/base.h"
#include "lib/engine/pipeline.h"
#include "lib/util/arena.h"
#include "lib/util/status_macros.h"
#include "lib/util/work_budget.h"

namespace btfd::report {

namespace {

// As long as the kernel lets a symbol's name be (KSYM_NAME_LEN). Many types may
// have one and the same long name.
constexpr size_t kMaxName = 512;

// What the engine makes of it, as finalization for 7.3 does: first without a
// .BTF.base, then with one.
absl::Status Shrink(const ModuleInput& input, ModuleSizes* sizes) {
  engine::FinalizeInput module;
  module.btf = input.btf;
  module.distilled_base = input.distilled_base;
  module.base = &input.base->base();
  module.dedup_index = input.dedup_index;
  engine::Steps dedup;
  dedup.dedup = true;
  dedup.resolve_ids = false;
  engine::FinalizeOutput deduplicated;
  {
    util::Arena arena;
    RETURN_IF_ERROR(engine::Finalize(module, dedup, &arena, &deduplicated));
  }
  if (!deduplicated.btf.has_value()) {
    return absl::InternalError("dedup gave no BTF");
  }
  sizes->deduplicated = deduplicated.btf->size();
  engine::Steps distill;
  distill.distill = true;
  distill.sort = true;
  distill.resolve_ids = false;
  module.btf = *deduplicated.btf;
  module.distilled_base = "";
  engine::FinalizeOutput distilled;
  util::Arena arena;
  RETURN_IF_ERROR(engine::Finalize(module, distill, &arena, &distilled));
  sizes->distilled_btf = distilled.btf.value_or("").size();
  sizes->distilled_base = distilled.btf_base.value_or("").size();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ModuleSizes> Measure(const ModuleInput& input) {
  ModuleSizes sizes;
  sizes.btf_bytes = input.btf.size();
  sizes.base_bytes = input.distilled_base.size();
  util::WorkBudget work = util::WorkBudget::ForInput(sizes.bytes());
  util::Arena arena;

  // A module with a .BTF.base stands on that. References to it count by name,
  // so its types can be compared with the base's all the same.
  const BaseKeys* parent = input.base;
  std::shared_ptr<const btf::Base> own_base;
  std::optional<BaseKeys> own_keys;
  if (!input.distilled_base.empty()) {
    ASSIGN_OR_RETURN(own_base,
                     btf::Base::Build(input.distilled_base, ".BTF.base"));
    ASSIGN_OR_RETURN(own_keys, BaseKeys::Make(*own_base));
    parent = &*own_keys;
  }
  ASSIGN_OR_RETURN(
      const btf::Btf btf,
      btf::Btf::Parse(input.btf, parent == nullptr ? nullptr : &parent->base(),
                      ".BTF", &arena));
  ASSIGN_OR_RETURN(const std::vector<Key> keys, KeysOf(btf, parent, &work));
  sizes.string_bytes = btf.own_strings().size();
  sizes.types.reserve(keys.size());
  for (uint32_t i = 0; i < keys.size(); ++i) {
    const btf::TypeId id = btf.first_id() + i;
    const btf::TypeRecord& record = btf.own_type(id);
    ModuleType type;
    type.key = keys[i];
    type.bytes = btf.own_type_words(id) * 4;
    type.kind = record.kind();
    type.in_base = input.base != nullptr && input.base->Has(type.key);
    if (record.name_off != 0) {
      const char* const name = btf.name(id);
      type.name.assign(name, strnlen(name, kMaxName));
    }
    KindSize& kind = sizes.kinds[record.kind_number()];
    ++kind.types;
    kind.bytes += type.bytes;
    sizes.types.push_back(std::move(type));
  }
  if (input.has_symbols) {
    sizes.functions = CompareFunctions(btf, input.symbols, input.skipped,
                                       input.has_dwarf, &work);
    RETURN_IF_ERROR(work.Check());
  }
  if (input.base != nullptr && !input.only_count) {
    sizes.why_not = Shrink(input, &sizes);
  }
  return sizes;
}

}  // namespace btfd::report
