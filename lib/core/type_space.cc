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

TypeSpace::TypeSpace(const btf::Base& base, uint32_t pointer_size,
                     util::WorkBudget* work)
    : parent_(base.table()),
      end_(base.end_id()),
      string_end_(base.str_len()),
      big_endian_(base.foreign_endian() != util::kHostIsBigEndian),
      pointer_size_(pointer_size),
      work_(work) {
  if (pointer_size_ != 0) return;
  // The first of them counts.
  TypeId first = end_;
  for (const absl::string_view name : kLongNames) {
    for (const TypeId id : base.FindRelocatable(name)) {
      if (MayBeLong(type(id))) first = std::min(first, id);
    }
  }
  pointer_size_ = first == end_ ? 8 : type(first).size_or_type;
}

TypeSpace::TypeSpace(const btf::Btf& btf, uint32_t pointer_size,
                     util::WorkBudget* work)
    : parent_(btf.parent()),
      own_(&btf),
      end_(btf.end_id()),
      string_end_(btf.str_end()),
      big_endian_(btf.foreign_endian() != util::kHostIsBigEndian),
      pointer_size_(pointer_size),
      work_(work) {
  for (TypeId id = 1; id < end_ && pointer_size_ == 0; ++id) {
    if (!MayBeLong(type(id))) continue;
    const absl::string_view text = name(id);
    if (std::find(std::begin(kLongNames), std::end(kLongNames), text) !=
        std::end(kLongNames)) {
      pointer_size_ = type(id).size_or_type;
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
