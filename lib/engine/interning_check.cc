// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/interning_check.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/btf/kinds.h"
#include "lib/engine/lookup.h"

namespace btfd::engine {

using btf::Btf;
using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

namespace {

size_t DefinitionsIn(const btf::Base& base, absl::string_view name) {
  return base.FindByName(Kind::kStruct, name).size() +
         base.FindByName(Kind::kUnion, name).size();
}

}  // namespace

BaseNames NamesOf(const btf::Base& base) {
  BaseNames names;
  base.ForEachRelocatable([&](absl::Span<const TypeId> ids) {
    const absl::string_view name = base.string(base.type(ids[0]).name_off);
    int definitions = 0;
    bool declared = false;
    for (const TypeId id : ids) {
      const Kind kind = base.type(id).kind();
      definitions += btf::IsComposite(kind);
      declared |= kind == Kind::kFwd;
    }
    if (declared) names.declared.emplace_back(name);
    if (definitions > 1) names.repeated.emplace_back(name);
  });
  for (std::vector<std::string>* const list :
       {&names.declared, &names.repeated}) {
    std::sort(list->begin(), list->end());
  }
  return names;
}

absl::Status InterningCheck::ReadForwards(const Btf& residue,
                                          absl::Span<const uint32_t> forwards) {
  for (const uint32_t id : forwards) {
    if (id < residue.first_id() || id >= residue.end_id() ||
        residue.own_type(id).kind() != Kind::kFwd) {
      return absl::InvalidArgumentError(
          absl::StrCat("type ", id, " is no forward declaration"));
    }
    forwards_.emplace_back(residue.string(residue.own_type(id).name_off));
  }
  return absl::OkStatus();
}

absl::Status InterningCheck::CheckResult(const Btf& result) const {
  if (forwards_.empty()) return absl::OkStatus();
  TextTable defined(memory_, forwards_.size());
  TextTable defined_twice(memory_, 0);
  for (TypeId id = result.first_id(); id < result.end_id(); ++id) {
    const TypeRecord& type = result.own_type(id);
    if (!btf::IsComposite(type.kind()) || type.name_off == 0) continue;
    const absl::string_view name = result.string(type.name_off);
    if (!defined.Insert(name, id).second) defined_twice.Insert(name, id);
  }
  for (const std::string& name : forwards_) {
    const size_t own = (defined.Find(name) != nullptr ? 1 : 0) +
                       (defined_twice.Find(name) != nullptr ? 1 : 0);
    if (own + DefinitionsIn(base_, name) > 1) {
      return absl::FailedPreconditionError(absl::StrCat(
          "a forward declaration of ", name,
          " can stand for more than one definition in module and base"));
    }
  }
  return absl::OkStatus();
}

}  // namespace btfd::engine
