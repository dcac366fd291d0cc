// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_LIB_UTIL_HASH_SECRET_H_
#define BTFD_LIB_UTIL_HASH_SECRET_H_

#include <cstdint>

namespace btfd::util {

// A number other than 0, drawn once in a process and told to nobody: a hash
// that starts from it cannot be aimed at by whoever makes the input. For tables
// that die with the process, and whose order decides no result. Thread-safe.
uint64_t HashSecret();

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_HASH_SECRET_H_
