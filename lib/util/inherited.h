// SPDX-License-Identifier: Apache-2.0
//
// A process cannot rely on what it inherits: that the standard streams are
// open, and that it can wait for its children.
#ifndef BTFD_LIB_UTIL_INHERITED_H_
#define BTFD_LIB_UTIL_INHERITED_H_

namespace btfd::util {

// Opens /dev/null as each of the descriptors 0 to 2 that is closed. Otherwise a
// file that is opened later would get such a number, and messages would be
// written into it. Call it first in main() if one more system call does not
// matter; OpenFile() does the same once it gets such a number.
void OpenStandardStreams();

// Call it before starting a child for which you will wait. If SIGCHLD is
// ignored, children leave no exit status; afterwards it is not ignored.
void KeepStatusOfChildren();

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_INHERITED_H_
