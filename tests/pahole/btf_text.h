// SPDX-License-Identifier: Apache-2.0
//
// What differs between two encodings of one file, in words: types as lines of
// text, and the first lines that are not the same.
#ifndef BTFD_TESTS_PAHOLE_BTF_TEXT_H_
#define BTFD_TESTS_PAHOLE_BTF_TEXT_H_

#include <string>
#include <vector>

namespace btfd::tests {

// A line a type ("[7] STRUCT 'point' size=8 x type=2 at 0 ...") and, at the
// end, one for the header and one a string. `base` is raw BTF, or empty. BTF
// that does not parse is one line with the reason.
std::vector<std::string> BtfText(const std::string& btf,
                                 const std::string& base);

// Empty where `ours` equals `theirs`; else where they differ and the first
// lines (at most `limit`) that only one of them has.
std::string DescribeBtfDifference(const std::string& ours,
                                  const std::string& theirs,
                                  const std::string& base, size_t limit = 6);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_PAHOLE_BTF_TEXT_H_
