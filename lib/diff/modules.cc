// SPDX-License-Identifier: Apache-2.0
#include "lib/diff/modules.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "lib/btf/kinds.h"
#include "lib/engine/distill/distill.h"
#include "lib/engine/relocate.h"
#include "lib/util/status_macros.h"
#include "lib/util/work_budget.h"

namespace btfd::diff {

using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

namespace {

// Functions of a module are its own, whatever they are called.
bool IsType(Class cls) {
  return cls == Class::kStruct || cls == Class::kUnion || cls == Class::kEnum ||
         cls == Class::kTypedef;
}

}  // namespace

ModuleImpact::ModuleImpact(const btf::Base& a,
                           const std::vector<Change>& changes)
    : a_(a),
      changes_(changes),
      change_of_(a.end_id()),
      reached_(a.end_id(), kNot) {
  for (size_t i = 0; i < changes.size(); ++i) {
    if (changes[i].a.has_value() && changes[i].cls != Class::kKfunc) {
      const uint32_t number = static_cast<uint32_t>(i + 1);
      change_of_[changes[i].a_id] = number;
      if (IsType(changes[i].cls)) {
        change_named_.insert({{changes[i].cls, changes[i].name}, number});
      }
    }
  }
}

std::vector<Met> ModuleImpact::MetBy(const btf::Btf& module) {
  std::vector<Reach> met(changes_.size(), kNot);
  for (TypeId id = module.first_id(); id < module.end_id(); ++id) {
    const TypeRecord& type = module.own_type(id);
    const std::optional<Class> cls = ClassOf(type);
    if (cls.has_value() && type.name_off != 0 && IsType(*cls)) {
      const auto copy = change_named_.find({*cls, module.name(id)});
      if (copy != change_named_.end()) met[copy->second - 1] = kDirect;
    }
    if (type.kind() == Kind::kFwd) continue;
    btf::ForEachTypeField(type, [this](TypeId field) {
      if (field < a_.end_id()) Visit(field, kDirect);
    });
    while (!open_.empty()) {
      const auto [next, reach] = open_.back();
      open_.pop_back();
      Follow(next, reach);
    }
  }
  for (const TypeId id : touched_) {
    if (change_of_[id] != 0) {
      Reach& reach = met[change_of_[id] - 1];
      reach = std::max(reach, reached_[id]);
    }
    reached_[id] = kNot;
  }
  touched_.clear();
  std::vector<Met> result;
  for (size_t i = 0; i < met.size(); ++i) {
    if (met[i] != kNot) result.push_back({&changes_[i], met[i] == kDirect});
  }
  return result;
}

void ModuleImpact::Visit(TypeId id, Reach reach) {
  if (id == 0 || reached_[id] >= reach) return;
  if (reached_[id] == kNot) touched_.push_back(id);
  reached_[id] = reach;
  open_.push_back({id, reach});
}

void ModuleImpact::Follow(TypeId id, Reach reach) {
  const TypeRecord& type = a_.type(id);
  const auto visit = [this](TypeId next, Reach how) {
    if (next < a_.end_id()) Visit(next, how);
  };
  switch (type.kind()) {
    case Kind::kStruct:
    case Kind::kUnion:
      // What has no name is part of what it is written in.
      for (const btf::Member& member : type.members()) {
        visit(member.type, type.name_off == 0 ? reach : kWithin);
      }
      break;
    case Kind::kPtr:
      if (reach == kDirect) visit(type.size_or_type, reach);
      break;
    case Kind::kArray:
      visit(type.array().element, reach);
      break;
    case Kind::kFuncProto:
      if (reach != kDirect) break;
      visit(type.size_or_type, reach);
      for (const btf::Param& param : type.params()) visit(param.type, reach);
      break;
    default:
      if (btf::IsModifier(type.kind())) visit(type.size_or_type, reach);
      break;
  }
}

absl::Status CheckRelocatesOnto(const btf::Btf& module, const btf::Base& b) {
  if (module.has_dangling_ids() ||
      (module.base() != nullptr && module.base()->has_dangling_ids())) {
    return absl::InvalidArgumentError(
        ".BTF: a type refers to an id beyond the last type");
  }
  std::optional<btf::Btf> distilled;
  std::optional<btf::Btf> split;
  RETURN_IF_ERROR(engine::Distill(module, btf::kExtendedHeaderSize,
                                  /*sorted=*/false, &distilled, &split));
  std::string distilled_bytes;
  std::string split_bytes;
  distilled->Serialize(&distilled_bytes);
  split->Serialize(&split_bytes);
  ASSIGN_OR_RETURN(const std::shared_ptr<const btf::Base> base,
                   btf::Base::Build(distilled_bytes, ".BTF.base"));
  ASSIGN_OR_RETURN(
      btf::Btf over_distilled,
      btf::Btf::Parse(split_bytes, base.get(), ".BTF", module.memory()));
  util::WorkBudget work = util::WorkBudget::ForInput(
      split_bytes.size() + distilled_bytes.size() + b.blob().size());
  return engine::Relocate(&over_distilled, b, &work);
}

}  // namespace btfd::diff
