// SPDX-License-Identifier: Apache-2.0
//
// The kernel's rules on single records as pairs of BTF: one that is refused for
// one rule alone, and its neighbour that is taken. For those who test the
// rules, and those who ask a kernel about them.
#ifndef BTFD_LIB_ENGINE_TESTING_KERNEL_RULES_H_
#define BTFD_LIB_ENGINE_TESTING_KERNEL_RULES_H_

#include <functional>
#include <string>
#include <vector>

#include "lib/btf/testing/builder.h"

namespace btfd::engine::testing {

struct KernelRule {
  std::string name;   // unique: letters and digits
  std::string words;  // of the refusal, where the first type's id is 1
  // Each adds types to a builder that has one, the first own one: an int, whose
  // name is "int". In a split BTF they refer to what the base has at the id 1
  // instead, which makes no difference to these rules.
  std::function<void(btf::testing::BtfBuilder*)> refused;
  std::function<void(btf::testing::BtfBuilder*)> taken;
  // A rule of ours alone.
  bool kernel_takes_it = false;
};

std::vector<KernelRule> AllKernelRules();

}  // namespace btfd::engine::testing

#endif  // BTFD_LIB_ENGINE_TESTING_KERNEL_RULES_H_
