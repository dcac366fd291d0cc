// SPDX-License-Identifier: Apache-2.0
#include "lib/core/compatible.h"

#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lib/btf/kinds.h"
#include "lib/core/relocation.h"
#include "lib/util/status_macros.h"

namespace btfd::core {

using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

namespace {

// How deep one call follows pointers and arrays, and how deep calls for
// parameters and members nest.
constexpr int kDepth = 32;
constexpr int kLevels = 32;

absl::Status TooDeep() {
  return absl::InvalidArgumentError("types are nested too deeply to compare");
}

// Integers of an offset in bits stood for bit-fields in the BTF of old.
bool HasBitOffset(const TypeRecord& type) {
  return ((type.tail()[0] >> 16) & 0xff) != 0;
}
bool IsSigned(const TypeRecord& type) { return (type.tail()[0] >> 24) & 1; }

uint32_t EnumeratorName(const TypeRecord& type, uint32_t i) {
  return type.kind() == Kind::kEnum ? type.enumerators()[i].name_off
                                    : type.enumerators64()[i].name_off;
}

// Both sides of a question, so that its parts need not be handed on.
class Comparison {
 public:
  Comparison(const TypeSpace& program, const TypeSpace& kernel)
      : program_(program), kernel_(kernel) {}

  bool Fields(TypeId local, TypeId target);
  absl::StatusOr<bool> Types(TypeId local, TypeId target, int level);
  absl::StatusOr<bool> Match(TypeId local, TypeId target, bool behind_pointer,
                             int level);

 private:
  // Whether names are equal but for flavours; two anonymous ones are.
  bool NamesFit(uint32_t local, uint32_t target);
  absl::StatusOr<bool> Params(const TypeRecord& local, const TypeRecord& target,
                              int level);
  absl::StatusOr<bool> MatchParams(const TypeRecord& local,
                                   const TypeRecord& target,
                                   bool behind_pointer, int level);
  absl::StatusOr<bool> MatchMembers(const TypeRecord& local,
                                    const TypeRecord& target, int level);
  absl::StatusOr<bool> MatchMember(const btf::Member& local,
                                   const TypeRecord& target, int level);
  bool MatchEnumerators(const TypeRecord& local, const TypeRecord& target);
  bool MatchForward(const TypeRecord& local, const TypeRecord& target,
                    bool behind_pointer);

  const TypeSpace& program_;
  const TypeSpace& kernel_;
};

bool Comparison::NamesFit(uint32_t local, uint32_t target) {
  const absl::string_view ours = program_.string(local);
  const absl::string_view theirs = kernel_.string(target);
  program_.work().Spend(1 + (ours.size() + theirs.size()) / 8);
  return EssentialName(ours) == EssentialName(theirs);
}

bool Comparison::Fields(TypeId local, TypeId target) {
  while (!kernel_.work().exhausted()) {
    local = program_.Strip(local);
    target = kernel_.Strip(target);
    const TypeRecord& ours = program_.type(local);
    const TypeRecord& theirs = kernel_.type(target);
    if (btf::IsComposite(ours.kind()) && btf::IsComposite(theirs.kind())) {
      return true;
    }
    if (!AreOfOneKind(ours.kind(), theirs.kind())) return false;
    switch (ours.kind()) {
      case Kind::kPtr:
      case Kind::kFloat:
        return true;
      case Kind::kFwd:
      case Kind::kEnum:
      case Kind::kEnum64: {
        const absl::string_view a =
            EssentialName(program_.string(ours.name_off));
        const absl::string_view b =
            EssentialName(kernel_.string(theirs.name_off));
        return a.empty() || b.empty() || a == b;
      }
      case Kind::kInt:
        return !HasBitOffset(ours) && !HasBitOffset(theirs);
      case Kind::kArray:
        local = ours.array().element;
        target = theirs.array().element;
        break;
      default:
        return false;
    }
  }
  return false;
}

absl::StatusOr<bool> Comparison::Params(const TypeRecord& local,
                                        const TypeRecord& target, int level) {
  if (local.vlen() != target.vlen()) return false;
  for (uint32_t i = 0; i < local.vlen(); ++i) {
    if (level <= 0) return TooDeep();
    const TypeId ours = program_.Strip(local.params()[i].type);
    const TypeId theirs = kernel_.Strip(target.params()[i].type);
    ASSIGN_OR_RETURN(const bool fits, Types(ours, theirs, level - 1));
    if (!fits) return false;
  }
  return true;
}

absl::StatusOr<bool> Comparison::Types(TypeId local, TypeId target, int level) {
  // A typedef stands for a typedef only.
  if (!AreOfOneKind(program_.type(local).kind(), kernel_.type(target).kind())) {
    return false;
  }
  for (int depth = 0; depth < kDepth; ++depth) {
    RETURN_IF_ERROR(kernel_.work().Check());
    local = program_.Strip(local);
    target = kernel_.Strip(target);
    const TypeRecord& ours = program_.type(local);
    const TypeRecord& theirs = kernel_.type(target);
    if (!AreOfOneKind(ours.kind(), theirs.kind())) return false;
    switch (ours.kind()) {
      case Kind::kUnknown:
      case Kind::kStruct:
      case Kind::kUnion:
      case Kind::kEnum:
      case Kind::kEnum64:
      case Kind::kFwd:
        return true;
      case Kind::kInt:
        return !HasBitOffset(ours) && !HasBitOffset(theirs);
      case Kind::kPtr:
        local = ours.size_or_type;
        target = theirs.size_or_type;
        break;
      case Kind::kArray:
        local = ours.array().element;
        target = theirs.array().element;
        break;
      case Kind::kFuncProto: {
        ASSIGN_OR_RETURN(const bool fit, Params(ours, theirs, level));
        if (!fit) return false;
        local = ours.size_or_type;
        target = theirs.size_or_type;
        break;
      }
      default:
        return false;
    }
  }
  return TooDeep();
}

bool Comparison::MatchEnumerators(const TypeRecord& local,
                                  const TypeRecord& target) {
  if (local.size_or_type != target.size_or_type ||
      local.vlen() > target.vlen()) {
    return false;
  }
  for (uint32_t i = 0; i < local.vlen(); ++i) {
    const uint32_t name = EnumeratorName(local, i);
    uint32_t j = 0;
    while (j < target.vlen() && !kernel_.work().exhausted() &&
           !NamesFit(name, EnumeratorName(target, j))) {
      ++j;
    }
    if (j == target.vlen() || kernel_.work().exhausted()) return false;
  }
  return true;
}

bool Comparison::MatchForward(const TypeRecord& local, const TypeRecord& target,
                              bool behind_pointer) {
  // The kind flag says what is declared: a struct (0) or a union (1).
  if (target.kind() == Kind::kFwd) return local.kflag() == target.kflag();
  return behind_pointer &&
         target.kind() == (local.kflag() ? Kind::kUnion : Kind::kStruct);
}

// Whether some member of `target` has the name and matches. Several may have
// the name: all anonymous ones do.
absl::StatusOr<bool> Comparison::MatchMember(const btf::Member& local,
                                             const TypeRecord& target,
                                             int level) {
  for (const btf::Member& member : target.members()) {
    RETURN_IF_ERROR(kernel_.work().Check());
    if (!NamesFit(local.name_off, member.name_off)) continue;
    ASSIGN_OR_RETURN(const bool matches,
                     Match(local.type, member.type, false, level - 1));
    if (matches) return true;
  }
  return false;
}

absl::StatusOr<bool> Comparison::MatchMembers(const TypeRecord& local,
                                              const TypeRecord& target,
                                              int level) {
  if (local.vlen() > target.vlen()) return false;
  for (const btf::Member& member : local.members()) {
    ASSIGN_OR_RETURN(const bool matches, MatchMember(member, target, level));
    if (!matches) return false;
  }
  return true;
}

absl::StatusOr<bool> Comparison::MatchParams(const TypeRecord& local,
                                             const TypeRecord& target,
                                             bool behind_pointer, int level) {
  if (local.vlen() != target.vlen()) return false;
  for (uint32_t i = 0; i < local.vlen(); ++i) {
    ASSIGN_OR_RETURN(const bool matches,
                     Match(local.params()[i].type, target.params()[i].type,
                           behind_pointer, level - 1));
    if (!matches) return false;
  }
  return true;
}

absl::StatusOr<bool> Comparison::Match(TypeId local, TypeId target,
                                       bool behind_pointer, int level) {
  if (level <= 0) return TooDeep();
  for (int depth = 0; depth < kDepth; ++depth) {
    RETURN_IF_ERROR(kernel_.work().Check());
    local = program_.Strip(local);
    target = kernel_.Strip(target);
    const TypeRecord& ours = program_.type(local);
    const TypeRecord& theirs = kernel_.type(target);
    if (!NamesFit(ours.name_off, theirs.name_off)) return false;
    const bool same_kind = ours.kind() == theirs.kind();
    switch (ours.kind()) {
      case Kind::kUnknown:
        return same_kind;
      case Kind::kFwd:
        return MatchForward(ours, theirs, behind_pointer);
      case Kind::kEnum:
      case Kind::kEnum64:
        return btf::IsAnyEnum(theirs.kind()) && MatchEnumerators(ours, theirs);
      case Kind::kStruct:
      case Kind::kUnion:
        if (!behind_pointer) {
          if (!same_kind) return false;
          return MatchMembers(ours, theirs, level);
        }
        return same_kind || (theirs.kind() == Kind::kFwd &&
                             theirs.kflag() == (ours.kind() == Kind::kUnion));
      case Kind::kInt:
        return same_kind && ours.size_or_type == theirs.size_or_type &&
               IsSigned(ours) == IsSigned(theirs);
      case Kind::kPtr:
        if (!same_kind) return false;
        behind_pointer = true;
        local = ours.size_or_type;
        target = theirs.size_or_type;
        break;
      case Kind::kArray:
        if (!same_kind || ours.array().count != theirs.array().count) {
          return false;
        }
        local = ours.array().element;
        target = theirs.array().element;
        break;
      case Kind::kFuncProto: {
        if (!same_kind) return false;
        ASSIGN_OR_RETURN(const bool match,
                         MatchParams(ours, theirs, behind_pointer, level));
        if (!match) return false;
        local = ours.size_or_type;
        target = theirs.size_or_type;
        break;
      }
      default:
        return false;
    }
  }
  return TooDeep();
}

}  // namespace

bool AreOfOneKind(Kind a, Kind b) {
  return a == b || (btf::IsAnyEnum(a) && btf::IsAnyEnum(b));
}

bool AreFieldsCompatible(const TypeSpace& program, TypeId local,
                         const TypeSpace& kernel, TypeId target) {
  return Comparison(program, kernel).Fields(local, target);
}

absl::StatusOr<bool> AreTypesCompatible(const TypeSpace& program, TypeId local,
                                        const TypeSpace& kernel,
                                        TypeId target) {
  return Comparison(program, kernel).Types(local, target, kLevels);
}

absl::StatusOr<bool> DoTypesMatch(const TypeSpace& program, TypeId local,
                                  const TypeSpace& kernel, TypeId target) {
  return Comparison(program, kernel).Match(local, target, false, kLevels);
}

}  // namespace btfd::core
