// SPDX-License-Identifier: Apache-2.0
#include "lib/core/type_space.h"

#include <algorithm>

#include "lib/btf/kinds.h"
#include "lib/util/endian.h"

namespace btfd::core {

using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

namespace {

// Real chains have a handful of links.
constexpr int kLongestChain = 4096;
constexpr int kDeepestSize = 32;

// How C may spell the type that is as wide as a pointer.
constexpr absl::string_view kLongNames[] = {
    "long",
    "long int",
    "int long",
    "unsigned long",
    "long unsigned",
    "unsigned long int",
    "int long unsigned",
    "unsigned int long",
    "long unsigned int",
    "long int unsigned",
    "int unsigned long",
};

bool MayBeLong(const TypeRecord& type) {
  return type.kind() == Kind::kInt &&
         (type.size_or_type == 4 || type.size_or_type == 8);
}

}  // namespace

TypeSpace::TypeSpace(const btf::TypeTable& table, bool foreign_endian,
                     uint32_t pointer_size, util::WorkBudget* work)
    : parent_(table),
      end_(table.end),
      string_end_(table.str_len),
      big_endian_(foreign_endian != util::kHostIsBigEndian),
      pointer_size_(pointer_size),
      work_(work) {
  GuessPointerSize();
}

TypeSpace::TypeSpace(const btf::Base& base, uint32_t pointer_size,
                     util::WorkBudget* work)
    : TypeSpace(base.table(), base.foreign_endian(), pointer_size, work) {}

TypeSpace::TypeSpace(const btf::PlainTypes& types, uint32_t pointer_size,
                     util::WorkBudget* work)
    : TypeSpace(types.table(), types.foreign_endian(), pointer_size, work) {}

TypeSpace::TypeSpace(const btf::Btf& btf, uint32_t pointer_size,
                     util::WorkBudget* work)
    : parent_(btf.parent()),
      own_(&btf),
      end_(btf.end_id()),
      string_end_(btf.str_end()),
      big_endian_(btf.foreign_endian() != util::kHostIsBigEndian),
      pointer_size_(pointer_size),
      work_(work) {
  GuessPointerSize();
}

// The first `long` counts, and is among the first types.
void TypeSpace::GuessPointerSize() {
  for (TypeId id = 1; id < end_ && pointer_size_ == 0; ++id) {
    if (!MayBeLong(type(id))) continue;
    for (const absl::string_view long_name : kLongNames) {
      if (IsText(name(id), long_name)) pointer_size_ = type(id).size_or_type;
    }
  }
  if (pointer_size_ == 0) pointer_size_ = 8;
}

TypeId TypeSpace::Strip(TypeId id) const {
  for (int i = 0; i < kLongestChain; ++i) {
    const TypeRecord& record = type(id);
    if (!btf::IsModifier(record.kind())) {
      work_->Spend(i + 1);
      return id;
    }
    id = record.size_or_type;
  }
  work_->Spend(kLongestChain);
  return 0;
}

std::optional<uint32_t> TypeSpace::Size(TypeId id) const {
  uint32_t elements = 1;
  for (int depth = 0; depth < kDeepestSize && id != 0; ++depth) {
    work_->Spend(1);
    const TypeRecord& record = type(id);
    uint32_t size = 0;
    switch (record.kind()) {
      case Kind::kInt:
      case Kind::kStruct:
      case Kind::kUnion:
      case Kind::kEnum:
      case Kind::kEnum64:
      case Kind::kDatasec:
      case Kind::kFloat:
        size = record.size_or_type;
        break;
      case Kind::kPtr:
        size = pointer_size_;
        break;
      case Kind::kTypedef:
      case Kind::kVolatile:
      case Kind::kConst:
      case Kind::kRestrict:
      case Kind::kVar:
      case Kind::kDeclTag:
      case Kind::kTypeTag:
        id = record.size_or_type;
        continue;
      case Kind::kArray:
        if (elements != 0 && record.array().count > UINT32_MAX / elements) {
          return std::nullopt;
        }
        elements *= record.array().count;
        id = record.array().element;
        continue;
      default:
        return std::nullopt;
    }
    if (elements != 0 && size > UINT32_MAX / elements) return std::nullopt;
    return size * elements;
  }
  return std::nullopt;
}

}  // namespace btfd::core
