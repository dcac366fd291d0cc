// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_LIB_MANUAL_MAN_PAGE_H_
#define BTFD_LIB_MANUAL_MAN_PAGE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "lib/manual/page.h"

namespace btfd::manual {

// The page in roff, with the macros of man(7). It depends on nothing but its
// arguments. `version` is that of btfd.
std::string ManPage(const Page& page, absl::string_view version);

}  // namespace btfd::manual

#endif  // BTFD_LIB_MANUAL_MAN_PAGE_H_
