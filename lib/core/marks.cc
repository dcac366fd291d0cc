// SPDX-License-Identifier: Apache-2.0
#include "lib/core/marks.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "lib/btf/kinds.h"
#include "lib/util/status_macros.h"

namespace btfd::core {

using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

std::vector<TypeId> Marks::Ids() const {
  std::vector<TypeId> ids;
  ids.reserve(types_.size());
  for (const auto& entry : types_) ids.push_back(entry.first);
  std::sort(ids.begin(), ids.end());
  return ids;
}

void Marker::Reach(TypeId id, Way way) {
  if (id == 0) return;
  uint8_t& ways = MarksOf(id).ways;
  if ((ways & way) != 0) return;
  ways |= way;
  pending_.emplace_back(id, way);
}

absl::Status Marker::Follow(TypeId root, Way way) {
  Reach(root, way);
  while (!pending_.empty()) {
    const auto [id, reached] = pending_.back();
    pending_.pop_back();
    space_.work().Spend(1);
    RETURN_IF_ERROR(FollowOne(id, reached));
  }
  return space_.work().Check();
}

absl::Status Marker::FollowOne(TypeId id, Way way) {
  const TypeRecord& type = space_.type(id);
  // Of what a type is made of, nothing is behind the pointer any more.
  const Way part = way == kBehindPointer ? kWhole : way;
  switch (type.kind()) {
    case Kind::kInt:
    case Kind::kFloat:
    case Kind::kEnum:
    case Kind::kEnum64:
    case Kind::kFwd:
      break;
    case Kind::kPtr:
      if (way != kNear) {
        Reach(type.size_or_type, way == kWhole ? kBehindPointer : way);
      }
      break;
    case Kind::kTypedef:
    case Kind::kConst:
    case Kind::kVolatile:
    case Kind::kRestrict:
    case Kind::kTypeTag:
      Reach(type.size_or_type, way);
      break;
    case Kind::kStruct:
    case Kind::kUnion:
      if (way != kWhole) break;
      MarksOf(id).members.assign(type.vlen(), true);
      space_.work().Spend(type.vlen());
      for (const btf::Member& member : type.members()) Reach(member.type, part);
      break;
    case Kind::kArray:
      Reach(type.array().element, part);
      Reach(type.array().index, part);
      break;
    case Kind::kFuncProto:
      Reach(type.size_or_type, part);
      space_.work().Spend(type.vlen());
      for (const btf::Param& param : type.params()) Reach(param.type, part);
      break;
    case Kind::kFunc:
    case Kind::kVar:
    case Kind::kDeclTag:
      Reach(type.size_or_type, part);
      break;
    case Kind::kDatasec:
      for (const btf::SectionVar& var : type.section_vars()) {
        Reach(var.type, part);
      }
      break;
    default:
      return absl::InvalidArgumentError(absl::StrCat("the kernel's type ", id,
                                                     " is of the unknown kind ",
                                                     type.kind_number()));
  }
  return absl::OkStatus();
}

absl::Status Marker::MarkField(const Access& access) {
  RETURN_IF_ERROR(Follow(access.root, kNear));
  TypeId type = access.root;
  for (size_t i = 1; i < access.path.size(); ++i) {
    type = space_.Strip(type);
    const TypeRecord& record = space_.type(type);
    if (record.kind() == Kind::kArray) {
      // Its element was reached with it.
      type = record.array().element;
      continue;
    }
    std::vector<bool>& members = MarksOf(type).members;
    members.resize(record.vlen());
    members[access.path[i]] = true;
    type = record.members()[access.path[i]].type;
    RETURN_IF_ERROR(Follow(type, kNear));
  }
  return absl::OkStatus();
}

absl::Status Marker::Mark(RelocationKind kind, const Access& access) {
  if (IsAboutField(kind)) return MarkField(access);
  if (IsAboutEnumerator(kind)) return Follow(access.root, kNear);
  return Follow(access.root,
                kind == RelocationKind::kTypeMatches ? kWhole : kFar);
}

}  // namespace btfd::core
