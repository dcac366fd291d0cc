// SPDX-License-Identifier: Apache-2.0
//
// The release that client and daemon belong to; for people. What the two may
// say to each other is kProtocolVersion's business.
#ifndef BTFD_LIB_UTIL_VERSION_H_
#define BTFD_LIB_UTIL_VERSION_H_

namespace btfd::util {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_VERSION_H_
