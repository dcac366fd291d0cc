// SPDX-License-Identifier: Apache-2.0
//
// BTF as text, one line a type and one a member, for tests to compare and
// people to read:
//
//   [4] STRUCT 'foo' size=8
//       'a' type=1 offset=0
#ifndef BTFD_LIB_BTF_TESTING_DUMP_H_
#define BTFD_LIB_BTF_TESTING_DUMP_H_

#include <string>

#include "absl/strings/string_view.h"
#include "lib/btf/base.h"
#include "lib/btf/btf.h"

namespace btfd::btf::testing {

// The own types, names in quotes; "?N" for a name offset out of range.
std::string Dump(const Btf& btf);
// Of a raw BTF; the error's text where it cannot be parsed.
std::string Dump(absl::string_view raw, const Base* base = nullptr);

}  // namespace btfd::btf::testing

#endif  // BTFD_LIB_BTF_TESTING_DUMP_H_
