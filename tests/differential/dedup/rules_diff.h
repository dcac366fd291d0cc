// SPDX-License-Identifier: Apache-2.0
//
// Dedup by the rules of each release of libbpf: the engine's, side by side with
// that release. Two ways: a BTF that is parsed, and an encoder's residue that
// is put over a base or over none, and distilled.
#ifndef BTFD_TESTS_DIFFERENTIAL_DEDUP_RULES_DIFF_H_
#define BTFD_TESTS_DIFFERENTIAL_DEDUP_RULES_DIFF_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "lib/engine/dedup/rules.h"
#include "lib/util/arena.h"
#include "tests/differential/dedup/diff.h"
#include "tests/differential/generator/generator.h"
#include "tests/oracle/shipped/shipped_libbpf.h"

namespace btfd::tests {

inline constexpr engine::LibbpfRules kAllRules[] = {
    engine::LibbpfRules::k1_1, engine::LibbpfRules::k1_5,
    engine::LibbpfRules::k1_7, engine::LibbpfRules::k1_8};
// "1.5".
const char* RulesName(engine::LibbpfRules rules);

class RulesDiff {
 public:
  // Errors as of ShippedLibbpf::Start(). 1.8 is linked, and parsed BTF is left
  // to CompareDedup() there.
  static absl::StatusOr<std::unique_ptr<RulesDiff>> Start(
      engine::LibbpfRules rules);

  // A case where libbpf comes to no end or crashes is not compared.
  DedupDiff Compare(const GeneratedCase& input);
  // Cases first_seed .. first_seed + count - 1. Prints each that differs.
  FuzzRun Fuzz(Style style, uint64_t first_seed, uint64_t count);

 private:
  struct Case;

  RulesDiff(engine::LibbpfRules rules, std::unique_ptr<ShippedLibbpf> libbpf);
  ShippedLibbpf::Result AskLibbpf(const Case& input);
  // Adds to *diff unless something differs already.
  void CompareOne(const Case& input, DedupDiff* diff);

  const engine::LibbpfRules rules_;
  const std::unique_ptr<ShippedLibbpf> libbpf_;  // null: the linked one
  util::Arena arena_;
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_DIFFERENTIAL_DEDUP_RULES_DIFF_H_
