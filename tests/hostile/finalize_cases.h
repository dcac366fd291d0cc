// SPDX-License-Identifier: Apache-2.0
//
// Modules that are made so that they take long; each kind can be made in any
// size.
#ifndef BTFD_TESTS_HOSTILE_FINALIZE_CASES_H_
#define BTFD_TESTS_HOSTILE_FINALIZE_CASES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/engine/pipeline.h"

namespace btfd::tests {

struct HostileModule {
  std::string base;  // raw; empty: the small base
  std::string btf;
  std::string distilled_base;
  std::optional<engine::IdsSection> ids;
  engine::Steps steps;

  uint64_t size() const;
};

struct HostileCase {
  const char* name;
  const char* what;  // for messages
  HostileModule (*make)(uint32_t n);
  uint32_t n;  // the test also takes four times that
  // True if ResourceExhausted is an acceptable answer: upstream needs the
  // square of n steps or more, and to make the same bytes the engine must do
  // what upstream does.
  bool may_be_refused = false;
};

const std::vector<HostileCase>& FinalizeCases();

// The small base, raw.
std::string SmallBase();

}  // namespace btfd::tests

#endif  // BTFD_TESTS_HOSTILE_FINALIZE_CASES_H_
