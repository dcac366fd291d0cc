// SPDX-License-Identifier: Apache-2.0
//
// The release of client and daemon, for people; and the versions on which both
// must agree.
#ifndef BTFD_LIB_UTIL_VERSION_H_
#define BTFD_LIB_UTIL_VERSION_H_

#include <cstdint>

namespace btfd::util {

inline constexpr char kVersion[] = "0.1.0";

// Both sides send it in Greet. Raise it if an old peer could misread messages
// of a new one.
inline constexpr uint32_t kProtocolVersion = 4;

// The version of the engine's results. Every cache key, the socket's name and
// each response contain it. Raise it with any change of output.
inline constexpr uint32_t kEngineVersion = 2;

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_VERSION_H_
