// SPDX-License-Identifier: Apache-2.0
#include "lib/encode/packed.h"

#include <algorithm>

namespace btfd::encode {

namespace {

// Types nest by value less deep than this.
constexpr int kMostDepth = 64;

bool IsModifier(TypeKind kind) {
  return kind == TypeKind::kTypedef || kind == TypeKind::kConst ||
         kind == TypeKind::kVolatile || kind == TypeKind::kRestrict;
}

uint64_t SizeOfDepth(const UnitGraph& graph, uint32_t type,
                     uint32_t address_size, int depth) {
  if (depth == kMostDepth) return 0;
  const TypeNode& node = graph.types[type];
  switch (node.kind) {
    case TypeKind::kVoid:
      return 0;
    case TypeKind::kPointer:
      return address_size;
    case TypeKind::kArray: {
      uint64_t size = SizeOfDepth(graph, node.target, address_size, depth + 1);
      for (uint32_t i = 0; i < node.count; ++i) {
        size *= graph.dimensions[node.first + i];
      }
      return size;
    }
    case TypeKind::kStruct:
    case TypeKind::kUnion:
      return node.size == 1 && node.count == 0 ? 0 : node.size;
    case TypeKind::kEnum:
      return node.has_size ? node.size : 4;
    case TypeKind::kBase:
      return ((node.size * 8) & 0xffff) / 8;
    case TypeKind::kTypedef:
    case TypeKind::kConst:
    case TypeKind::kVolatile:
    case TypeKind::kRestrict:
    case TypeKind::kTypeTag:
      return SizeOfDepth(graph, node.target, address_size, depth + 1);
    default:
      return node.size;
  }
}

}  // namespace

uint64_t TypeSize(const UnitGraph& graph, uint32_t type,
                  uint32_t address_size) {
  return SizeOfDepth(graph, type, address_size, 0);
}

uint32_t PackedStructs::Strip(uint32_t type) const {
  for (int depth = 0; depth < kMostDepth; ++depth) {
    if (!IsModifier(graph_.types[type].kind)) return type;
    type = graph_.types[type].target;
  }
  return 0;
}

uint64_t PackedStructs::SizeOf(uint32_t type, int depth) const {
  return SizeOfDepth(graph_, type, address_size_, depth);
}

// Of a scalar its size, of an array its element's, of a struct or union the
// largest of its members.
uint64_t PackedStructs::AlignmentOf(uint32_t type, int depth) {
  if (depth == kMostDepth) return 1;
  const uint32_t stripped = Strip(type);
  const TypeNode& node = graph_.types[stripped];
  switch (node.kind) {
    case TypeKind::kArray:
      return AlignmentOf(node.target, depth + 1);
    case TypeKind::kStruct:
    case TypeKind::kUnion: {
      if (alignment_[stripped] != 0) return alignment_[stripped];
      uint64_t most = 1;
      for (uint32_t i = 0; i < node.count; ++i) {
        const MemberNode& member = graph_.members[node.first + i];
        if (!member.has_layout) continue;
        most = std::max(most, AlignmentOf(member.target, depth + 1));
      }
      alignment_[stripped] = static_cast<uint32_t>(most);
      return most;
    }
    default:
      return std::max<uint64_t>(SizeOf(stripped, depth), 1);
  }
}

bool PackedStructs::HasHolesOrPadding(const TypeNode& node) const {
  const uint64_t end = uint64_t{8} * node.size;
  uint64_t last = 0;
  bool in_bitfield = false;
  uint64_t field_end = end;
  uint64_t field_size = 0;
  bool hole = false;
  for (uint32_t i = 0; i < node.count; ++i) {
    const MemberNode& member = graph_.members[node.first + i];
    if (!member.has_layout) continue;
    const uint64_t storage = 8 * SizeOf(member.target, 0);
    const uint64_t start = member.bit_offset;
    const uint64_t stop =
        start + (member.bit_size != 0 ? member.bit_size : storage);
    if (in_bitfield) last = std::min(start, field_end);
    if (member.bit_size != 0) {
      const uint64_t unit = storage == 0 ? start : start / storage * storage;
      if (last < unit && unit <= start && unit / 8 > last / 8) {
        hole = true;
        last = unit;
      }
      last = stop;
      in_bitfield = true;
      if (stop > field_end || storage > field_size) {
        field_size = storage;
        field_end = unit + field_size;
        if (stop > field_end) field_end += field_size;
      }
    } else {
      if (start / 8 > last / 8) hole = true;
      last = stop;
      in_bitfield = false;
      field_size = 0;
      field_end = stop;
    }
  }
  if (in_bitfield) last = std::min(end, field_end);
  const bool padding = uint64_t{node.size} > last / 8;
  return hole || padding;
}

bool PackedStructs::IsPacked(uint32_t type) {
  uint8_t& state = state_[type];
  if (state != kNotAsked) return state == kYes;
  state = kNo;
  const TypeNode& node = graph_.types[type];
  if (HasHolesOrPadding(node)) {
    // It would not be laid out so if its parts were packed by it: those that
    // are not where they should be are packed themselves.
    for (uint32_t i = 0; i < node.count; ++i) {
      const MemberNode& member = graph_.members[node.first + i];
      const uint32_t inner = Strip(member.target);
      if (!member.has_layout || graph_.types[inner].kind != TypeKind::kStruct) {
        continue;
      }
      if (member.bit_offset / 8 % AlignmentOf(inner, 0) != 0) {
        state_[inner] = kYes;
      }
    }
    return false;
  }
  uint64_t most = 1;
  for (uint32_t i = 0; i < node.count; ++i) {
    const MemberNode& member = graph_.members[node.first + i];
    if (!member.has_layout) continue;
    const uint64_t alignment = AlignmentOf(member.target, 0);
    most = std::max(most, alignment);
    // A bitfield is where its storage unit is.
    uint64_t start = member.bit_offset;
    const uint64_t storage = 8 * SizeOf(member.target, 0);
    if (member.bit_size != 0 && storage != 0) start -= start % storage;
    if (start / 8 % alignment != 0) {
      state = kYes;
      return true;
    }
  }
  if (node.size % most != 0) state = kYes;
  return state_[type] == kYes;
}

}  // namespace btfd::encode
