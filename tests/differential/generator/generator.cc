// SPDX-License-Identifier: Apache-2.0
#include "tests/differential/generator/generator.h"

#include "tests/differential/generator/compilation_units.h"
#include "tests/differential/generator/copies.h"
#include "tests/differential/generator/random_graph.h"

namespace btfd::tests {

uint64_t Random::Next() {
  uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

const char* StyleName(Style style) {
  switch (style) {
    case Style::kRandomGraph:
      return "random graphs";
    case Style::kCompilationUnits:
      return "compilation units";
    case Style::kCopies:
      return "copies";
  }
  return "";
}

GeneratedCase Generate(Style style, uint64_t seed) {
  Random random(seed * 4 + static_cast<uint64_t>(style));
  random.Next();
  switch (style) {
    case Style::kRandomGraph:
      return GenerateRandomGraph(&random);
    case Style::kCompilationUnits:
      return GenerateCompilationUnits(&random);
    case Style::kCopies:
      return GenerateCopies(&random);
  }
  return {};
}

}  // namespace btfd::tests
