// SPDX-License-Identifier: Apache-2.0
//
// Modules that are made to cost much; each kind can be made in any size.
#ifndef BTFD_TESTS_HOSTILE_FINALIZE_CASES_H_
#define BTFD_TESTS_HOSTILE_FINALIZE_CASES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/engine/pipeline.h"

namespace btfd::tests {

struct HostileModule {
  std::string base;  // raw; empty: a small sensible one
  std::string btf;
  std::string distilled_base;
  std::optional<engine::IdsSection> ids;
  engine::Steps steps;

  uint64_t size() const;
};

struct HostileCase {
  const char* name;
  const char* what;  // for people
  HostileModule (*make)(uint32_t n);
  uint32_t n;  // four times that is tried as well
  // Whether being refused with ResourceExhausted is an answer to it: upstream
  // takes the square of n, or more, and being the same means to follow it.
  bool may_be_refused = false;
};

const std::vector<HostileCase>& FinalizeCases();

// The small base, raw.
std::string SmallBase();

}  // namespace btfd::tests

#endif  // BTFD_TESTS_HOSTILE_FINALIZE_CASES_H_
