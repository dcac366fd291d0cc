// SPDX-License-Identifier: Apache-2.0
//
// A depth-first walk with a stack of its own computes for each type how deep it
// nests and what its text costs. The cost of a type is the sum of the costs of
// its parts:
//
//   struct pair { int a; int b; };
//   struct outer {
//     struct { int c; } x;
//     struct { int c; } y;   // the same nameless type
//     struct pair p;
//     struct pair q;
//   };
//
// libbpf writes a type without a name at each use, so outer pays for it twice.
// It writes pair once, and outer pays only for the name. To find the alignment
// of outer, however, libbpf visits a and b twice. `parts` counts such visits.
#include "lib/show/c_check.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "lib/btf/kinds.h"
#include "lib/show/labels.h"
#include "lib/util/status_macros.h"

namespace btfd::show {

namespace {

using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

// Sums stay far from the end of 64 bits.
constexpr uint64_t kMostCost = uint64_t{1} << 48;
// libbpf counts bits in an int.
constexpr uint64_t kMostBytes = uint64_t{1} << 27;

uint64_t Sum(uint64_t a, uint64_t b) { return std::min(a + b, kMostCost); }

bool IsIdentifierByte(char c) { return absl::ascii_isalnum(c) || c == '_'; }

// What a name may have besides letters, digits and '_'.
const char* AllowedBesides(Kind kind, bool attribute) {
  switch (kind) {
    case Kind::kInt:
    case Kind::kFloat:
      return " ";
    case Kind::kTypeTag:
      return attribute ? "(), " : "(), .:-+*/<>=!&|;#@$%^~[]{}'`";
    default:
      return "";
  }
}

// What can be a part of a type in C.
bool IsForC(Kind kind) {
  return kind != Kind::kUnknown && !btf::IsNeverReferred(kind) &&
         kind != Kind::kFunc && kind <= Kind::kEnum64;
}

}  // namespace

bool IsCIdentifier(absl::string_view name) {
  return !name.empty() && !absl::ascii_isdigit(name[0]) &&
         std::all_of(name.begin(), name.end(), IsIdentifierByte);
}

CCheck::CCheck(const btf::Btf& btf, util::WorkBudget* work)
    : btf_(btf),
      work_(work),
      nodes_(2 * size_t{btf.end_id()}),
      names_checked_(btf.end_id()) {
  nodes_[0] = nodes_[1] = {Node::kDone, 1, 1, 1, kNoSize};
}

absl::Status CCheck::Refuse(TypeId id, absl::string_view defect) const {
  const TypeRecord& type = btf_.type(id);
  return absl::InvalidArgumentError(
      absl::StrCat("type ", id, " (", KindLabel(type.kind_number()), " ",
                   NameLabel(btf_, type.name_off), ") ", defect));
}

absl::Status CCheck::Check(TypeId root) {
  if (root != 0 && !IsForC(btf_.type(root).kind())) {
    return Refuse(root, "is of a kind that C has no words for");
  }
  RETURN_IF_ERROR(Open({root, false}));
  while (!stack_.empty()) {
    Turn& turn = stack_.back();
    if (turn.next < turn.end) {
      // (The next line may move the turn.)
      const Use use = uses_[turn.next++];
      if (use.id >= btf_.end_id()) {
        return Refuse(turn.use.id, "refers beyond the last type");
      }
      if (use.id != 0 && !IsForC(btf_.type(use.id).kind())) {
        return Refuse(turn.use.id,
                      absl::StrCat("refers to a ",
                                   KindLabel(btf_.type(use.id).kind_number())));
      }
      RETURN_IF_ERROR(Open(use));
      continue;
    }
    RETURN_IF_ERROR(Close(turn));
    uses_.resize(turn.begin);
    stack_.pop_back();
  }
  if (!IsDefinition({root, false})) {
    work_->Spend(NodeOf({root, false}).cost);
  }
  return work_->Check();
}

absl::Status CCheck::Open(const Use& use) {
  Node& node = NodeOf(use);
  if (node.state == Node::kDone) return absl::OkStatus();
  if (node.state == Node::kOpen) {
    return Refuse(use.id, "is made of itself, which C cannot say");
  }
  node.state = Node::kOpen;
  RETURN_IF_ERROR(CheckNames(use.id));
  const TypeRecord& type = btf_.type(use.id);
  Turn turn{use, uses_.size(), uses_.size(), 0};
  if (!IsDeclaredOnly(use)) AddUses(type, use.by_name);
  turn.end = uses_.size();
  stack_.push_back(turn);
  if (stack_.size() > kMaxDepth) {
    return Refuse(
        use.id, absl::StrCat("is nested more than ", kMaxDepth, " types deep"));
  }
  return absl::OkStatus();
}

void CCheck::AddUses(const TypeRecord& type, bool by_name) {
  switch (type.kind()) {
    case Kind::kFwd:
      return;
    case Kind::kArray:  // the type of its index is not written
      uses_.push_back({type.array().element, false});
      return;
    case Kind::kPtr:
      by_name = true;
      break;
    case Kind::kStruct:
    case Kind::kUnion:
      by_name = false;
      break;
    default:
      break;
  }
  btf::ForEachTypeField(type, [&](TypeId id) {
    uses_.push_back({id, by_name});
  });
}

bool CCheck::IsDeclaredOnly(const Use& use) const {
  const TypeRecord& type = btf_.type(use.id);
  return use.by_name && type.name_off != 0 && btf::IsComposite(type.kind());
}

bool CCheck::IsDefinition(const Use& use) const {
  const TypeRecord& type = btf_.type(use.id);
  // A typedef behind a pointer may be looked at each time.
  return !use.by_name && type.name_off != 0 &&
         (btf::IsComposite(type.kind()) || btf::IsAnyEnum(type.kind()) ||
          type.kind() == Kind::kTypedef);
}

absl::Status CCheck::Close(const Turn& turn) {
  const TypeRecord& type = btf_.type(turn.use.id);
  if (IsDeclaredOnly(turn.use)) {
    NodeOf(turn.use) = {Node::kDone, 1,
                        1 + std::strlen(btf_.string(type.name_off)), 1,
                        kNoSize};
    return absl::OkStatus();
  }
  uint64_t cost = 1;
  uint64_t parts = 1;
  uint32_t depth = 0;
  for (size_t i = turn.begin; i < turn.end; ++i) {
    const Node& part = NodeOf(uses_[i]);
    cost = Sum(cost, IsDefinition(uses_[i]) ? 1 : part.cost);
    parts = Sum(parts, part.parts);
    depth = std::max(depth, part.depth);
  }
  btf::ForEachStringField(type, [&](uint32_t offset) {
    cost = Sum(cost, 1 + std::strlen(btf_.string(offset)));
  });
  if (type.kind() == Kind::kPtr || type.kind() == Kind::kFuncProto) parts = 1;
  if (btf::IsComposite(type.kind())) {
    // As a whole, for whether it is packed, and of each member.
    cost = Sum(cost, 3 * parts);
    RETURN_IF_ERROR(CheckMembers(turn, &cost));
  }
  if (depth + 1 > kMaxDepth) {
    return Refuse(turn.use.id, absl::StrCat("is nested more than ", kMaxDepth,
                                            " types deep"));
  }
  if (IsDefinition(turn.use)) work_->Spend(cost);
  NodeOf(turn.use) = {Node::kDone, depth + 1, cost, parts, SizeOf(type, turn)};
  return work_->Check();
}

uint64_t CCheck::SizeOf(const TypeRecord& type, const Turn& turn) {
  switch (type.kind()) {
    case Kind::kInt:
    case Kind::kFloat:
    case Kind::kEnum:
    case Kind::kEnum64:
      // libbpf divides by it.
      return type.size_or_type == 0 ? kNoSize : type.size_or_type;
    case Kind::kStruct:
    case Kind::kUnion:
      return type.size_or_type;
    case Kind::kPtr:
      return 8;
    case Kind::kArray: {
      const uint64_t element = NodeOf(uses_[turn.begin]).size;
      if (element == kNoSize) return kNoSize;
      // Both are below 2^32.
      return std::min(element, kMostBytes + 1) * type.array().count;
    }
    default:
      if (btf::IsModifier(type.kind())) return NodeOf(uses_[turn.begin]).size;
      return kNoSize;
  }
}

// Each member needs a size, and what libbpf fills up between them counts.
absl::Status CCheck::CheckMembers(const Turn& turn, uint64_t* cost) {
  const TypeRecord& type = btf_.type(turn.use.id);
  if (type.size_or_type > kMostBytes) {
    return Refuse(turn.use.id, "is too large");
  }
  uint64_t end = 0;  // of the member before, in bits
  for (uint32_t i = 0; i < type.vlen(); ++i) {
    const uint64_t size = NodeOf(uses_[turn.begin + i]).size;
    const MemberPlace place = PlaceOf(type, type.members()[i]);
    if (size == kNoSize || size > kMostBytes) {
      return Refuse(turn.use.id,
                    absl::StrCat("has a member, ", i, ", that has no size"));
    }
    if (place.bit_offset > 8 * kMostBytes) {
      return Refuse(turn.use.id, "has a member too far behind its start");
    }
    if (place.bit_offset > end) {
      *cost = Sum(*cost, (place.bit_offset - end) / 8);
    }
    end = place.bit_offset +
          (place.bitfield_size != 0 ? place.bitfield_size : 8 * size);
  }
  const uint64_t whole = uint64_t{8} * type.size_or_type;
  if (whole > end) *cost = Sum(*cost, (whole - end) / 8);
  return absl::OkStatus();
}

absl::Status CCheck::CheckNames(TypeId id) {
  if (names_checked_[id]) return absl::OkStatus();
  names_checked_[id] = true;
  const TypeRecord& type = btf_.type(id);
  if (type.vlen() > kMaxVlen) {
    return Refuse(id, "has more than 65,535 parts, which libbpf cannot read");
  }
  absl::Status status;
  btf::ForEachStringField(type, [&](uint32_t name_off) {
    if (status.ok()) status = CheckName(id, name_off);
  });
  return status;
}

absl::Status CCheck::CheckName(TypeId id, uint32_t name_off) {
  const TypeRecord& type = btf_.type(id);
  const char* const allowed = AllowedBesides(type.kind(), type.kflag());
  const char* name = btf_.string(name_off);
  uint64_t length = 0;
  for (; name[length] != '\0'; ++length) {
    const char c = name[length];
    if (IsIdentifierByte(c) && (length > 0 || !absl::ascii_isdigit(c))) {
      continue;
    }
    if (std::strchr(allowed, c) == nullptr) {
      return Refuse(id, "has a name that C cannot spell");
    }
  }
  work_->Spend(length);
  return work_->Check();
}

}  // namespace btfd::show
