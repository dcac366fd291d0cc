// SPDX-License-Identifier: Apache-2.0
//
// BTF as JSON, an object for each type, with the members that `bpftool --json
// btf dump` of Linux 7.3 gives it. Names that are not UTF-8 get U+FFFD.
#ifndef BTFD_LIB_SHOW_JSON_TEXT_H_
#define BTFD_LIB_SHOW_JSON_TEXT_H_

#include "lib/btf/btf.h"
#include "lib/show/selection.h"
#include "lib/util/json.h"

namespace btfd::show {

// Adds one type to the array that is open.
void AddJson(const btf::Btf& btf, ShownType shown, util::JsonWriter* json);

}  // namespace btfd::show

#endif  // BTFD_LIB_SHOW_JSON_TEXT_H_
