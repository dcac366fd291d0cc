// SPDX-License-Identifier: Apache-2.0
//
// Describes in words how two encodings of one file differ: types become lines
// of text, and the first lines that differ are shown.
#ifndef BTFD_TESTS_PAHOLE_BTF_TEXT_H_
#define BTFD_TESTS_PAHOLE_BTF_TEXT_H_

#include <string>
#include <vector>

namespace btfd::tests {

// One line for each type ("[7] STRUCT 'point' size=8 x type=2 at 0 ..."), then
// one line for the header and one for each string. `base` is raw BTF, or empty.
// If the BTF does not parse, there is one line with the reason.
std::vector<std::string> BtfText(const std::string& btf,
                                 const std::string& base);

// Empty if `ours` equals `theirs`. Otherwise says where they differ, with the
// first lines (at most `limit`) that only one of them has.
std::string DescribeBtfDifference(const std::string& ours,
                                  const std::string& theirs,
                                  const std::string& base, size_t limit = 6);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_PAHOLE_BTF_TEXT_H_
