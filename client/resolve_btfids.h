// SPDX-License-Identifier: Apache-2.0
//
// The stand-in for the kernel's resolve_btfids: its options, files, warnings
// and exit codes, in all its generations.
#ifndef BTFD_CLIENT_RESOLVE_BTFIDS_H_
#define BTFD_CLIENT_RESOLVE_BTFIDS_H_

#include <string>
#include <vector>

namespace btfd::client {

// Returns the exit code. `arguments` come without the program's name.
int RunResolveBtfids(const std::vector<std::string>& arguments);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_RESOLVE_BTFIDS_H_
