// SPDX-License-Identifier: Apache-2.0
//
// In what the releases of libbpf differ where they make a new BTF of many
// types: one row a release, and nothing of it anywhere else.
#ifndef BTFD_LIB_ENGINE_DEDUP_RULES_H_
#define BTFD_LIB_ENGINE_DEDUP_RULES_H_

#include <cstdint>

namespace btfd::engine {

// Releases of libbpf whose dedup can be asked for. Each of the older ones is
// what Debian links a pahole with.
enum class LibbpfRules : uint8_t {
  k1_1,  // pahole 1.24
  k1_5,  // pahole 1.30 and 1.31
  k1_7,  // pahole 1.32
  k1_8,  // Linux 7.2 and 7.3: their resolve_btfids
};

namespace dedup {

// When two types of one unit that are assumed for the same type, although they
// have different ids, count as the same. Compilers repeat types.
enum class IdentityRule : uint8_t {
  // Arrays whose records are equal; structs and unions made of such and of
  // equal
  // ids.
  kRecords,
  // All kinds, to a depth of 16 types.
  kDeep,
};

struct Rules {
  IdentityRule identity;
  // Typedefs are compared as graphs, as structs and unions are. Otherwise they
  // are references, which are equal where what they refer to is.
  bool typedefs_are_graphs;
  // An own typedef can be found in the base. Not in 1.7, which files the base's
  // typedefs under another key than it looks under.
  bool finds_base_typedefs;
  // Of members, enumerators and parameters. Older releases keep 16 bits.
  uint32_t max_vlen;
  // Of a BTF that is new, in bytes.
  uint32_t header_size;
};

constexpr Rules RulesOf(LibbpfRules release) {
  constexpr uint32_t k16Bits = 0xffff;
  constexpr uint32_t k24Bits = 0xffffff;
  switch (release) {
    case LibbpfRules::k1_1:
    case LibbpfRules::k1_5:
      return {IdentityRule::kRecords, false, true, k16Bits, 24};
    case LibbpfRules::k1_7:
      return {IdentityRule::kDeep, true, false, k16Bits, 24};
    case LibbpfRules::k1_8:
      break;
  }
  return {IdentityRule::kDeep, true, true, k24Bits, 32};
}

}  // namespace dedup

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_DEDUP_RULES_H_
