// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_LIB_SHOW_EDIT_DISTANCE_H_
#define BTFD_LIB_SHOW_EDIT_DISTANCE_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace btfd::show {

// How many characters have to be inserted, removed or replaced to make `b` of
// `a` (Levenshtein's distance); anything above `limit` where it is more than
// that. Costs O(limit x length).
size_t EditDistance(absl::string_view a, absl::string_view b, size_t limit);

}  // namespace btfd::show

#endif  // BTFD_LIB_SHOW_EDIT_DISTANCE_H_
