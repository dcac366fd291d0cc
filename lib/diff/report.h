// SPDX-License-Identifier: Apache-2.0
//
// Changes as people and programs read them.
#ifndef BTFD_LIB_DIFF_REPORT_H_
#define BTFD_LIB_DIFF_REPORT_H_

#include <string>
#include <vector>

#include "lib/diff/compare.h"
#include "lib/util/json.h"

namespace btfd::diff {

// Appends a paragraph of lines for each change:
//
//   struct foo: 16 -> 24 bytes
//     + b: long at 8
//     > 2 members, c to d: 8 bytes further
//     ~ e: int -> long
//   - function gone: static int gone(void)
void AppendText(const std::vector<Change>& changes, std::string* out);
// "3 structs: 1 added, 2 changed; 1 function: 1 removed", one line. Empty where
// there are no changes.
std::string Summary(const std::vector<Change>& changes);

// Adds an object for each change to the array that is open.
void AddJson(const std::vector<Change>& changes, util::JsonWriter* json);
// Adds "struct": {"added": 1, ...}, ... to the object that is open.
void AddSummary(const std::vector<Change>& changes, util::JsonWriter* json);

}  // namespace btfd::diff

#endif  // BTFD_LIB_DIFF_REPORT_H_
