// SPDX-License-Identifier: Apache-2.0
//
// Return early on an error in an absl::Status or absl::StatusOr.
#ifndef BTFD_LIB_UTIL_STATUS_MACROS_H_
#define BTFD_LIB_UTIL_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the enclosing function if `expr` is not OK.
#define RETURN_IF_ERROR(expr)                    \
  do {                                           \
    absl::Status btfd_status_ = (expr);          \
    if (!btfd_status_.ok()) return btfd_status_; \
  } while (false)

#define BTFD_CONCAT_INNER_(a, b) a##b
#define BTFD_CONCAT_(a, b) BTFD_CONCAT_INNER_(a, b)

// ASSIGN_OR_RETURN(auto x, MakeX()): declares or assigns x, or returns.
#define ASSIGN_OR_RETURN(lhs, expr) \
  ASSIGN_OR_RETURN_IMPL_(BTFD_CONCAT_(btfd_or_, __LINE__), lhs, expr)
#define ASSIGN_OR_RETURN_IMPL_(tmp, lhs, expr) \
  auto tmp = (expr);                           \
  if (!tmp.ok()) return tmp.status();          \
  lhs = std::move(tmp).value()

#endif  // BTFD_LIB_UTIL_STATUS_MACROS_H_
