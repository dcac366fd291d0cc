// SPDX-License-Identifier: Apache-2.0
#include "tests/generator/generator.h"

#include "tests/generator/compilation_units.h"
#include "tests/generator/random_graph.h"

namespace btfd::tests {

uint64_t Random::Next() {
  uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

GeneratedCase Generate(Style style, uint64_t seed) {
  Random random(seed * 2 + (style == Style::kRandomGraph ? 0 : 1));
  random.Next();
  return style == Style::kRandomGraph ? GenerateRandomGraph(&random)
                                      : GenerateCompilationUnits(&random);
}

}  // namespace btfd::tests
