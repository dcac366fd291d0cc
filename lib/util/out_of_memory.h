// SPDX-License-Identifier: Apache-2.0
//
// How a program ends if there is no memory (ulimit -v, a full cgroup): with a
// line and an exit code of its own, not by abort().
#ifndef BTFD_LIB_UTIL_OUT_OF_MEMORY_H_
#define BTFD_LIB_UTIL_OUT_OF_MEMORY_H_

#include <stdlib.h>
#include <unistd.h>

#include <exception>
#include <new>

namespace btfd::util {

// Pass it to std::set_terminate().
template <int kExitCode>
[[noreturn]] void EndOutOfMemory() {
  const std::exception_ptr what = std::current_exception();
  try {
    if (what != nullptr) std::rethrow_exception(what);
  } catch (const std::bad_alloc&) {
    constexpr char kMessage[] = "btfc: out of memory\n";
    // If stderr accepts nothing, nothing can be done.
    if (write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1) < 0) {
      _exit(kExitCode);
    }
    _exit(kExitCode);
  } catch (...) {
  }
  abort();
}

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_OUT_OF_MEMORY_H_
