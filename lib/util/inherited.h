// SPDX-License-Identifier: Apache-2.0
//
// What a process inherits from whoever started it, and what it must not rely
// on: that the standard streams are open, and that children can be waited for.
#ifndef BTFD_LIB_UTIL_INHERITED_H_
#define BTFD_LIB_UTIL_INHERITED_H_

namespace btfd::util {

// Opens /dev/null as each of the descriptors 0 to 2 that is closed, so that no
// file that is opened later gets such a number, and with it what is meant for
// people. To be called first of all in main(), where that has a call to spare:
// OpenFile() does it as well, once it gets such a number.
void OpenStandardStreams();

// To be called before a child is started that is to be waited for: where
// SIGCHLD is ignored, children leave no status. Afterwards it is not.
void KeepStatusOfChildren();

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_INHERITED_H_
