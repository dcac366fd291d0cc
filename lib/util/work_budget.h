// SPDX-License-Identifier: Apache-2.0
//
// What a request may cost. Most loops are as long as the input; some are longer
// by upstream's own rules (each type with each of its candidates, each set with
// each symbol), harmless in real modules and squares in hostile ones. Such a
// loop spends a step for each turn, and gives up with an error once more steps
// are spent than the input's size allows. Steps are counted, not time: the same
// input has the same verdict on any machine.
//
// Not thread-safe: one to a request.
#ifndef BTFD_LIB_UTIL_WORK_BUDGET_H_
#define BTFD_LIB_UTIL_WORK_BUDGET_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace btfd::util {

class WorkBudget {
 public:
  // For an input of that many bytes. The most that any module of two real
  // kernels spends is 1/26 of it (tests/hostile).
  static WorkBudget ForInput(uint64_t bytes) {
    return WorkBudget(kFreeSteps + kStepsPerByte * bytes);
  }
  explicit WorkBudget(uint64_t limit) : limit_(limit) {}

  void Spend(uint64_t steps) { spent_ += steps; }
  uint64_t spent() const { return spent_; }
  uint64_t limit() const { return limit_; }
  bool exhausted() const { return spent_ > limit_; }

  // ResourceExhausted, once exhausted().
  absl::Status Check() const {
    if (!exhausted()) return absl::OkStatus();
    return absl::ResourceExhaustedError(
        absl::StrCat("took more than ", limit_,
                     " steps, which no sensible input of its size does"));
  }

 private:
  static constexpr uint64_t kFreeSteps = uint64_t{1} << 25;
  static constexpr uint64_t kStepsPerByte = 32;

  uint64_t limit_;
  uint64_t spent_ = 0;
};

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_WORK_BUDGET_H_
