// SPDX-License-Identifier: Apache-2.0
//
// Draws pairs of base and split BTF for differential tests, full of the cases
// in which deduplication, distillation and relocation can go wrong: duplicates
// and near-duplicates, forwards that resolve or do not, empty enums, equal
// names at two offsets, anonymous types, odd references. The same seed gives
// the same case, on any host.
//
// Left out is what makes libbpf hang, crash or read out of bounds: cycles of
// mere references, ids beyond the types.
#ifndef BTFD_TESTS_DIFFERENTIAL_GENERATOR_GENERATOR_H_
#define BTFD_TESTS_DIFFERENTIAL_GENERATOR_GENERATOR_H_

#include <cstdint>
#include <string>

namespace btfd::tests {

// A small deterministic source of numbers (splitmix64).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next();
  // 0 .. n-1. Precondition: n > 0.
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(Next() % n); }
  // True in `percent` of a hundred draws.
  bool Chance(uint32_t percent) { return Below(100) < percent; }
  uint32_t Between(uint32_t low, uint32_t high) {
    return low + Below(high - low + 1);
  }

 private:
  uint64_t state_;
};

struct GeneratedCase {
  bool has_base = false;  // else the split is a standalone BTF
  std::string base;       // raw
  std::string split;      // raw
};

enum class Style {
  // Any type refers to any other, names are few: wide and shallow cover.
  kRandomGraph,
  // Compilation units that see the same program: each unit has its own copy of
  // the types it uses, some of them only declared, repeated, or changed a bit.
  kCompilationUnits,
  // A few structs that lead to each other, many times over and entangled.
  kCopies,
};
inline constexpr Style kAllStyles[] = {
    Style::kRandomGraph, Style::kCompilationUnits, Style::kCopies};
const char* StyleName(Style style);

GeneratedCase Generate(Style style, uint64_t seed);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_DIFFERENTIAL_GENERATOR_GENERATOR_H_
