// SPDX-License-Identifier: Apache-2.0
//
// Limits the work of a request. Most loops are as long as the input. Upstream's
// rules make some longer (each type with each of its candidates, each set with
// each symbol): that is harmless in real modules, but takes n times n steps in
// hostile ones. Such a loop spends a step in each turn, and ends with an error
// once it has spent more steps than the input's size allows. Steps are counted,
// not time, so the same input has the same result on every machine.
//
// Not thread-safe: each request has its own.
#ifndef BTFD_LIB_UTIL_WORK_BUDGET_H_
#define BTFD_LIB_UTIL_WORK_BUDGET_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace btfd::util {

class WorkBudget {
 public:
  // The budget for an input of that many bytes. The most that any module of two
  // real kernels spends is 1/26 of it (tests/hostile).
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
