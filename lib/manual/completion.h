// SPDX-License-Identifier: Apache-2.0
//
// Completions of shells for a program with commands: which commands there are,
// the verbs, options and values of each, and where a file is meant. They are
// scripts that depend on nothing but the pages.
#ifndef BTFD_LIB_MANUAL_COMPLETION_H_
#define BTFD_LIB_MANUAL_COMPLETION_H_

#include <string>
#include <vector>

#include "lib/manual/page.h"

namespace btfd::manual {

// `pages` are those of the commands of `program`. One whose program is not
// "PROGRAM COMMAND" is the command of that name.
std::string BashCompletion(const std::string& program,
                           const std::vector<const Page*>& pages);
std::string ZshCompletion(const std::string& program,
                          const std::vector<const Page*>& pages);
std::string FishCompletion(const std::string& program,
                           const std::vector<const Page*>& pages);

}  // namespace btfd::manual

#endif  // BTFD_LIB_MANUAL_COMPLETION_H_
