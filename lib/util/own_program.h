// SPDX-License-Identifier: Apache-2.0
//
// Finds the file that this process runs, also if /proc is not mounted (chroots,
// sandboxes, a package's build).
#ifndef BTFD_LIB_UTIL_OWN_PROGRAM_H_
#define BTFD_LIB_UTIL_OWN_PROGRAM_H_

#include <string>

namespace btfd::util {

// Its path, with symbolic links resolved; if that is not known, the path that
// execve(2) got, which is relative to the directory of that moment. Empty if
// neither is known.
std::string OwnProgram();

// The directory of that file; empty if unknown.
std::string OwnProgramDirectory();

// True if `path` leads to the same file.
bool IsOwnProgram(const std::string& path);

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_OWN_PROGRAM_H_
