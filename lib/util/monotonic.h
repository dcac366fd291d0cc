// SPDX-License-Identifier: Apache-2.0
//
// The clock that traces are measured by.
#ifndef BTFD_LIB_UTIL_MONOTONIC_H_
#define BTFD_LIB_UTIL_MONOTONIC_H_

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>

namespace btfd::util {

// Nanoseconds of CLOCK_MONOTONIC: it never goes back, and is the same for all
// processes of a machine.
inline int64_t MonotonicNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000000000 + now.tv_nsec;
}

// The calling thread, by a number that no other thread of the machine has.
inline uint32_t ThreadNumber() {
  return static_cast<uint32_t>(syscall(SYS_gettid));
}

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_MONOTONIC_H_
