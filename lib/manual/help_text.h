// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_LIB_MANUAL_HELP_TEXT_H_
#define BTFD_LIB_MANUAL_HELP_TEXT_H_

#include <string>

#include "lib/manual/page.h"

namespace btfd::manual {

// What --help prints: the page for a terminal of 80 columns.
std::string HelpText(const Page& page);

}  // namespace btfd::manual

#endif  // BTFD_LIB_MANUAL_HELP_TEXT_H_
