// SPDX-License-Identifier: Apache-2.0
//
// BTF as text, a line for each type and one for each member, value, parameter
// or variable: line by line what `bpftool btf dump ... format raw` of Linux 7.3
// prints.
//
//   [4] STRUCT 'foo' size=8 vlen=1
//   	'a' type_id=1 bits_offset=0
#ifndef BTFD_LIB_SHOW_RAW_TEXT_H_
#define BTFD_LIB_SHOW_RAW_TEXT_H_

#include <string>

#include "lib/btf/btf.h"
#include "lib/show/selection.h"

namespace btfd::show {

// Appends the lines of one type, the last newline included.
void AppendRawText(const btf::Btf& btf, ShownType shown, std::string* out);

}  // namespace btfd::show

#endif  // BTFD_LIB_SHOW_RAW_TEXT_H_
