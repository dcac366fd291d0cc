// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_LIB_UTIL_HASH_SECRET_H_
#define BTFD_LIB_UTIL_HASH_SECRET_H_

#include <cstdint>

namespace btfd::util {

// A random number other than 0, drawn once in each process and never shown. If
// a hash starts from it, nobody can make input whose hashes collide. Use it
// only for tables that end with the process and whose order does not change a
// result. Thread-safe.
uint64_t HashSecret();

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_HASH_SECRET_H_
