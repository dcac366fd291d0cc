// SPDX-License-Identifier: Apache-2.0
//
// What an operation costs, taken in a process of its own: processor time, the
// most memory that was resident at once on top of what the input takes, and the
// steps that the engine counted.
#ifndef BTFD_TESTS_HOSTILE_COST_H_
#define BTFD_TESTS_HOSTILE_COST_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"

namespace btfd::tests {

struct Outcome {
  absl::Status status;
  uint64_t work = 0;  // steps, where the engine counts them
};

struct Cost {
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string message;
  uint64_t work = 0;
  double seconds = 0;  // of the processor
  uint64_t peak_bytes = 0;
};

// Aborts where the operation crashes.
Cost Measure(const std::function<Outcome()>& operation);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_HOSTILE_COST_H_
