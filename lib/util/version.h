// SPDX-License-Identifier: Apache-2.0
//
// The release that client and daemon belong to, for people; and what the two
// have to agree on.
#ifndef BTFD_LIB_UTIL_VERSION_H_
#define BTFD_LIB_UTIL_VERSION_H_

#include <cstdint>

namespace btfd::util {

inline constexpr char kVersion[] = "0.1.0";

// What both sides say in Greet. Raise it when an old peer could misread a new
// one's messages.
inline constexpr uint32_t kProtocolVersion = 4;

// Of the engine's results: part of every cache key, of the socket's name and of
// each response. Raise it with any change of output.
inline constexpr uint32_t kEngineVersion = 2;

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_VERSION_H_
