// SPDX-License-Identifier: Apache-2.0
//
// Where a variable or a parameter is: the expressions of DW_AT_location, one by
// one, without the ranges that they hold for.
//
// Sources: DWARF version 5, sections 2.5 (expressions), 7.7.1 (operations),
// 7.7.3 (location lists); DWARF version 4, section 2.6.2.
#ifndef BTFD_LIB_DWARF_LOCATION_H_
#define BTFD_LIB_DWARF_LOCATION_H_

#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "lib/dwarf/object.h"
#include "lib/dwarf/unit.h"

namespace btfd::dwarf {

struct Op {
  uint8_t code = 0;
  uint64_t number = 0;  // the first operand; signed ones as two's complement
  uint64_t number2 = 0;
  absl::string_view block;  // of entry_value and implicit_value
  uint64_t place = 0;       // of the first operand, in the expression
};
using Expression = absl::InlinedVector<Op, 8>;

// False for an expression that is cut off or has an operation that is not
// known.
bool ParseExpression(absl::string_view bytes, const Unit& unit, bool big_endian,
                     Expression* expression);

// Calls `visit` for each entry of `location`, a DW_AT_location, in order, until
// it returns false. An entry that is defective ends the list without an error,
// as a list that lies outside of its section has no entries: what is not found
// is not known, and no more.
void ForEachExpression(const Object& object, const Unit& unit,
                       const Value& location,
                       absl::FunctionRef<bool(const Expression&)> visit);

}  // namespace btfd::dwarf

#endif  // BTFD_LIB_DWARF_LOCATION_H_
