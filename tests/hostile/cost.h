// SPDX-License-Identifier: Apache-2.0
//
// Measures an operation in a process of its own: processor time, peak of
// resident memory without that of the input, and the steps that the engine
// counted.
#ifndef BTFD_TESTS_HOSTILE_COST_H_
#define BTFD_TESTS_HOSTILE_COST_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"

namespace btfd::tests {

struct Outcome {
  absl::Status status;
  uint64_t work = 0;  // steps, if the engine counts them
};

struct Cost {
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string message;
  uint64_t work = 0;
  double seconds = 0;  // of processor time
  uint64_t peak_bytes = 0;
};

// Aborts if the operation crashes.
Cost Measure(const std::function<Outcome()>& operation);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_HOSTILE_COST_H_
