// SPDX-License-Identifier: Apache-2.0
//
// Which file this process runs, also where /proc is not mounted (chroots,
// sandboxes, a package's build).
#ifndef BTFD_LIB_UTIL_OWN_PROGRAM_H_
#define BTFD_LIB_UTIL_OWN_PROGRAM_H_

#include <string>

namespace btfd::util {

// Its path, symbolic links resolved; else, as execve(2) was given it, which is
// relative to the directory of that moment. Empty if neither can be had.
std::string OwnProgram();

// The directory of that; empty if unknown.
std::string OwnProgramDirectory();

// Whether `path` leads to the same file.
bool IsOwnProgram(const std::string& path);

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_OWN_PROGRAM_H_
