// SPDX-License-Identifier: Apache-2.0
#include "lib/core/access.h"

#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/btf/kinds.h"
#include "lib/core/compatible.h"
#include "lib/util/status_macros.h"

namespace btfd::core {

using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

namespace {

absl::Status Defect(absl::string_view what) {
  return absl::InvalidArgumentError(what);
}

const char* EnumeratorName(const TypeSpace& space, const TypeRecord& type,
                           uint32_t i) {
  return space.string(type.kind() == Kind::kEnum
                          ? type.enumerators()[i].name_off
                          : type.enumerators64()[i].name_off);
}

uint32_t BitOffset(const TypeRecord& composite, uint32_t member) {
  const uint32_t offset = composite.members()[member].offset;
  return composite.kflag() ? offset & 0xffffff : offset;
}

// An array of no elements that ends a struct goes on as far as there is memory.
bool IsFlexible(const TypeSpace& space, const AccessStep& within,
                const TypeRecord& array) {
  return within.name != nullptr && array.array().count == 0 &&
         within.index == space.type(within.type).vlen() - 1;
}

// Adds the element `index` of an array of `element`s, whose typedefs and
// qualifiers are stripped already.
absl::Status AddElement(const TypeSpace& space, TypeId element, uint32_t index,
                        Access* access) {
  access->steps.push_back({element, index, nullptr});
  access->path.push_back(index);
  const std::optional<uint32_t> size = space.Size(element);
  if (!size.has_value()) {
    return Defect(absl::StrCat("type ", element, " has no size"));
  }
  access->bit_offset += index * *size * 8;
  return absl::OkStatus();
}

// "0:1:2" as numbers.
absl::Status ParseIndexes(absl::string_view text,
                          std::vector<uint32_t>* indexes) {
  for (const absl::string_view part : absl::StrSplit(text, ':')) {
    int32_t index;
    if (!absl::SimpleAtoi(part, &index) || index < 0) {
      return Defect("the access is not numbers with colons in between");
    }
    if (indexes->size() == kLongestAccess) {
      return Defect(
          absl::StrCat("the access has more than ", kLongestAccess, " parts"));
    }
    indexes->push_back(static_cast<uint32_t>(index));
  }
  return absl::OkStatus();
}

// One member of the program's struct; `*type` becomes the member's.
absl::Status AddLocalMember(const TypeSpace& program, uint32_t index,
                            TypeId* type, Access* access) {
  const TypeRecord& composite = program.type(*type);
  if (index >= composite.vlen()) {
    return Defect(absl::StrCat("type ", *type, " has no member ", index));
  }
  const btf::Member& member = composite.members()[index];
  access->bit_offset += BitOffset(composite, index);
  access->path.push_back(index);
  if (member.name_off != 0) {
    const char* name = program.string(member.name_off);
    if (*name == '\0') return Defect("a member's name is empty");
    access->steps.push_back({*type, index, name});
  }
  *type = member.type;
  return absl::OkStatus();
}

absl::Status AddLocalElement(const TypeSpace& program, uint32_t index,
                             TypeId* type, Access* access) {
  const TypeRecord& array = program.type(*type);
  if (index >= array.array().count &&
      !IsFlexible(program, access->steps.back(), array)) {
    return Defect(absl::StrCat("type ", *type, " has no element ", index));
  }
  *type = program.Strip(array.array().element);
  return AddElement(program, *type, index, access);
}

absl::Status ParseEnumerator(const TypeSpace& program, TypeId type,
                             const std::vector<uint32_t>& indexes,
                             Access* access) {
  const TypeRecord& record = program.type(type);
  if (!btf::IsAnyEnum(record.kind()) || indexes.size() != 1 ||
      indexes[0] >= record.vlen()) {
    return Defect("the access leads to no enumerator");
  }
  access->steps.push_back(
      {type, indexes[0], EnumeratorName(program, record, indexes[0])});
  access->path.push_back(indexes[0]);
  return absl::OkStatus();
}

absl::Status ParseField(const TypeSpace& program, TypeId type,
                        const std::vector<uint32_t>& indexes, Access* access) {
  RETURN_IF_ERROR(AddElement(program, type, indexes[0], access));
  for (size_t i = 1; i < indexes.size(); ++i) {
    type = program.Strip(type);
    const Kind kind = program.type(type).kind();
    if (btf::IsComposite(kind)) {
      RETURN_IF_ERROR(AddLocalMember(program, indexes[i], &type, access));
    } else if (kind == Kind::kArray) {
      RETURN_IF_ERROR(AddLocalElement(program, indexes[i], &type, access));
    } else {
      return Defect(
          absl::StrCat("type ", type, " is no struct, union or array"));
    }
  }
  return absl::OkStatus();
}

// Follows a program's access through a type of the kernel.
class Matcher {
 public:
  Matcher(const TypeSpace& program, const TypeSpace& kernel, TypeId candidate)
      : program_(program), kernel_(kernel), type_(candidate) {
    access_.root = candidate;
  }

  // Each takes one step; false if the kernel's type has no such field.
  absl::StatusOr<bool> StepToElement(const AccessStep& wanted);
  absl::StatusOr<bool> StepToMember(const AccessStep& wanted);
  bool StepToEnumerator(const AccessStep& wanted);

  Access Take() { return std::move(access_); }

 private:
  absl::StatusOr<bool> FindMember(const btf::Member& wanted,
                                  absl::string_view name, TypeId composite);
  absl::Status TooLong() const {
    return absl::OutOfRangeError(
        absl::StrCat("the way to the field in the kernel's type ", access_.root,
                     " has more than ", kLongestAccess, " parts"));
  }

  const TypeSpace& program_;
  const TypeSpace& kernel_;
  TypeId type_;  // reached so far
  Access access_;
};

absl::StatusOr<bool> Matcher::StepToElement(const AccessStep& wanted) {
  type_ = kernel_.Strip(type_);
  // The first one is an element of nothing but what the pointer is taken for.
  if (!access_.steps.empty()) {
    const TypeRecord& array = kernel_.type(type_);
    if (array.kind() != Kind::kArray) return false;
    if (wanted.index >= array.array().count &&
        !IsFlexible(kernel_, access_.steps.back(), array)) {
      return false;
    }
    type_ = kernel_.Strip(array.array().element);
  }
  if (access_.path.size() == kLongestAccess) return TooLong();
  RETURN_IF_ERROR(AddElement(kernel_, type_, wanted.index, &access_));
  return true;
}

absl::StatusOr<bool> Matcher::StepToMember(const AccessStep& wanted) {
  return FindMember(program_.type(wanted.type).members()[wanted.index],
                    wanted.name, type_);
}

// Looks through anonymous structs and unions as well, depth first.
absl::StatusOr<bool> Matcher::FindMember(const btf::Member& wanted,
                                         absl::string_view name,
                                         TypeId composite) {
  composite = kernel_.Strip(composite);
  const TypeRecord& record = kernel_.type(composite);
  if (!btf::IsComposite(record.kind())) return false;
  for (uint32_t i = 0; i < record.vlen(); ++i) {
    kernel_.work().Spend(1);
    if (access_.path.size() == kLongestAccess) return TooLong();
    const btf::Member& member = record.members()[i];
    const char* const text = kernel_.string(member.name_off);
    if (*text != '\0' && !IsText(text, name)) continue;
    RETURN_IF_ERROR(kernel_.work().Check());
    const uint32_t bit_offset = BitOffset(record, i);
    access_.path.push_back(i);
    access_.bit_offset += bit_offset;
    bool found;
    if (*text != '\0') {
      found = AreFieldsCompatible(program_, wanted.type, kernel_, member.type);
      if (found) {
        access_.steps.push_back({composite, i, text});
        type_ = member.type;
      }
    } else {
      ASSIGN_OR_RETURN(found, FindMember(wanted, name, member.type));
    }
    if (found) return true;
    access_.bit_offset -= bit_offset;
    access_.path.pop_back();
    // The one of that name is of another type: there is no second one.
    if (*text != '\0') return false;
  }
  return false;
}

bool Matcher::StepToEnumerator(const AccessStep& wanted) {
  type_ = kernel_.Strip(type_);
  const TypeRecord& record = kernel_.type(type_);
  if (!btf::IsAnyEnum(record.kind())) return false;
  const absl::string_view name = EssentialName(wanted.name);
  for (uint32_t i = 0; i < record.vlen(); ++i) {
    const absl::string_view text = EnumeratorName(kernel_, record, i);
    kernel_.work().Spend(1 + text.size() / 8);
    if (kernel_.work().exhausted()) return false;
    if (EssentialName(text) != name) continue;
    access_.steps.push_back({type_, i, text.data()});
    access_.path.push_back(i);
    return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<Access> ParseAccess(const TypeSpace& program,
                                   const Relocation& relocation) {
  const absl::string_view text = program.string(relocation.access);
  program.work().Spend(1 + text.size() / 8);
  Access access;
  access.root = relocation.type;
  if (IsAboutType(relocation.kind)) {
    if (text != "0") return Defect("the access to a type is not 0");
    return access;
  }
  std::vector<uint32_t> indexes;
  RETURN_IF_ERROR(ParseIndexes(text, &indexes));
  const TypeId type = program.Strip(relocation.type);
  if (IsAboutEnumerator(relocation.kind)) {
    RETURN_IF_ERROR(ParseEnumerator(program, type, indexes, &access));
  } else {
    RETURN_IF_ERROR(ParseField(program, type, indexes, &access));
  }
  return access;
}

absl::StatusOr<std::optional<Access>> MatchAccess(const TypeSpace& program,
                                                  const Access& wanted,
                                                  RelocationKind kind,
                                                  const TypeSpace& kernel,
                                                  TypeId candidate) {
  Matcher matcher(program, kernel, candidate);
  if (IsAboutEnumerator(kind)) {
    if (!matcher.StepToEnumerator(wanted.steps[0])) {
      return std::optional<Access>();
    }
    return std::optional<Access>(matcher.Take());
  }
  for (const AccessStep& step : wanted.steps) {
    ASSIGN_OR_RETURN(const bool matches, step.name == nullptr
                                             ? matcher.StepToElement(step)
                                             : matcher.StepToMember(step));
    if (!matches) return std::optional<Access>();
  }
  return std::optional<Access>(matcher.Take());
}

}  // namespace btfd::core
