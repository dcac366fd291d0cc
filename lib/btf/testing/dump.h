// SPDX-License-Identifier: Apache-2.0
//
// BTF as text, one line for each type and one for each member. Tests compare
// it, and people read it:
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

// The own types. Names are in quotes; "?N" is a name offset that does not
// exist.
std::string Dump(const Btf& btf);
// The same for raw BTF. If it cannot be parsed, returns the text of the error.
std::string Dump(absl::string_view raw, const Base* base = nullptr);

}  // namespace btfd::btf::testing

#endif  // BTFD_LIB_BTF_TESTING_DUMP_H_
