// SPDX-License-Identifier: Apache-2.0
//
// Compares dedup by the rules of each release of libbpf with that release.
// There are two ways: a BTF is parsed; or an encoder's residue is put over a
// base or over none, and distilled.
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
// For example "1.5".
const char* RulesName(engine::LibbpfRules rules);

class RulesDiff {
 public:
  // Errors as of ShippedLibbpf::Start(). libbpf 1.8 is linked, and there
  // CompareDedup() compares parsed BTF.
  static absl::StatusOr<std::unique_ptr<RulesDiff>> Start(
      engine::LibbpfRules rules);

  // If libbpf does not end or crashes, the case is not compared.
  DedupDiff Compare(const GeneratedCase& input);
  // Runs the cases first_seed .. first_seed + count - 1, and prints each that
  // differs.
  FuzzRun Fuzz(Style style, uint64_t first_seed, uint64_t count);

 private:
  struct Case;

  RulesDiff(engine::LibbpfRules rules, std::unique_ptr<ShippedLibbpf> libbpf);
  ShippedLibbpf::Result AskLibbpf(const Case& input);
  // Adds to *diff, unless a difference was found before.
  void CompareOne(const Case& input, DedupDiff* diff);

  const engine::LibbpfRules rules_;
  const std::unique_ptr<ShippedLibbpf> libbpf_;  // null: use the linked one
  util::Arena arena_;
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_DIFFERENTIAL_DEDUP_RULES_DIFF_H_
