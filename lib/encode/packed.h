// SPDX-License-Identifier: Apache-2.0
//
// Whether a struct is packed, inferred from the places of its members: DWARF
// does not say it.
#ifndef BTFD_LIB_ENCODE_PACKED_H_
#define BTFD_LIB_ENCODE_PACKED_H_

#include <cstdint>
#include <vector>

#include "lib/encode/unit_graph.h"

namespace btfd::encode {

// For the structs of one unit. What it finds out on the way about structs that
// are members of others counts for later questions, as in pahole.
class PackedStructs {
 public:
  PackedStructs(const UnitGraph& graph, uint32_t address_size)
      : graph_(graph),
        address_size_(address_size),
        state_(graph.types.size(), kNotAsked),
        alignment_(graph.types.size(), 0) {}

  bool IsPacked(uint32_t type);

 private:
  enum : uint8_t { kNotAsked, kNo, kYes };

  uint64_t SizeOf(uint32_t type, int depth) const;
  uint64_t AlignmentOf(uint32_t type, int depth);
  uint32_t Strip(uint32_t type) const;
  bool HasHolesOrPadding(const TypeNode& node) const;

  const UnitGraph& graph_;
  const uint32_t address_size_;
  std::vector<uint8_t> state_;
  std::vector<uint32_t> alignment_;  // natural; 0: not asked
};

// The size of a type: behind typedefs and qualifiers, of all elements of an
// array. A struct of one byte without members counts 0.
uint64_t TypeSize(const UnitGraph& graph, uint32_t type, uint32_t address_size);

}  // namespace btfd::encode

#endif  // BTFD_LIB_ENCODE_PACKED_H_
