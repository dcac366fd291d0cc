// SPDX-License-Identifier: Apache-2.0
//
// Draws pairs of base and split BTF for differential tests. They have many
// cases in which deduplication, distillation and relocation can go wrong:
// duplicates and near duplicates, forwards that resolve or do not, empty enums,
// equal names at two offsets, anonymous types, odd references. A seed gives the
// same case on any host.
//
// The generator leaves out what makes libbpf hang, crash or read out of bounds:
// cycles of references only, and ids that do not exist.
#ifndef BTFD_TESTS_DIFFERENTIAL_GENERATOR_GENERATOR_H_
#define BTFD_TESTS_DIFFERENTIAL_GENERATOR_GENERATOR_H_

#include <cstdint>
#include <string>

namespace btfd::tests {

// A deterministic source of random numbers (splitmix64).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next();
  // 0 .. n-1. Precondition: n > 0.
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(Next() % n); }
  // True with a probability of `percent` / 100.
  bool Chance(uint32_t percent) { return Below(100) < percent; }
  uint32_t Between(uint32_t low, uint32_t high) {
    return low + Below(high - low + 1);
  }

 private:
  uint64_t state_;
};

struct GeneratedCase {
  bool has_base = false;  // if not, the split is a standalone BTF
  std::string base;       // raw
  std::string split;      // raw
};

enum class Style {
  // Any type may refer to any other, and there are few names. Covers much, not
  // deeply.
  kRandomGraph,
  // Compilation units of the same program. Each unit has its own copy of the
  // types that it uses; some of them are only declared, repeated, or slightly
  // changed.
  kCompilationUnits,
  // Some structs that refer to each other, in many copies that also refer to
  // each other.
  kCopies,
};
inline constexpr Style kAllStyles[] = {
    Style::kRandomGraph, Style::kCompilationUnits, Style::kCopies};
const char* StyleName(Style style);

GeneratedCase Generate(Style style, uint64_t seed);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_DIFFERENTIAL_GENERATOR_GENERATOR_H_
