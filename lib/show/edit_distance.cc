// SPDX-License-Identifier: Apache-2.0
//
// Row i of the usual table holds the distances of a's first i characters to
// each beginning of b. What is further from the diagonal than the limit is
// above the limit, so it is not computed.
#include "lib/show/edit_distance.h"

#include <algorithm>
#include <vector>

namespace btfd::show {

size_t EditDistance(absl::string_view a, absl::string_view b, size_t limit) {
  const size_t too_far = limit + 1;
  if (a.size() > b.size() + limit || b.size() > a.size() + limit) {
    return too_far;
  }
  std::vector<size_t> row(b.size() + 1, too_far);
  for (size_t j = 0; j <= std::min(b.size(), limit); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    const size_t begin = i > limit ? i - limit : 1;
    const size_t end = std::min(b.size(), i + limit);
    // Of the row above: the distance without either last character.
    size_t diagonal = row[begin - 1];
    row[begin - 1] = begin == 1 ? i : too_far;
    size_t least = row[begin - 1];
    for (size_t j = begin; j <= end; ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1, too_far});
      least = std::min(least, row[j]);
    }
    if (least > limit) return too_far;
  }
  return row[b.size()];
}

}  // namespace btfd::show
