// SPDX-License-Identifier: Apache-2.0
//
// How long the caller of an RPC still waits for its answer, and whether it has
// given up already.
#ifndef BTFD_LIB_UTIL_CALL_DEADLINE_H_
#define BTFD_LIB_UTIL_CALL_DEADLINE_H_

#include <functional>

#include "absl/time/time.h"

namespace btfd::util {

struct CallDeadline {
  absl::Time time = absl::InfiniteFuture();
  std::function<bool()> cancelled;  // null: the call cannot be cancelled
  bool IsCancelled() const { return cancelled && cancelled(); }
};

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_CALL_DEADLINE_H_
