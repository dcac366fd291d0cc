// SPDX-License-Identifier: Apache-2.0
//
// What a relocation puts into its instruction.
#ifndef BTFD_LIB_CORE_VALUE_H_
#define BTFD_LIB_CORE_VALUE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "lib/core/access.h"
#include "lib/core/relocation.h"
#include "lib/core/type_space.h"

namespace btfd::core {

struct Value {
  uint64_t number = 0;
  // The kernel has nothing to read: the instruction may not be reached.
  bool poisoned = false;

  bool operator==(const Value& other) const {
    return number == other.number && poisoned == other.poisoned;
  }
};

// Of what `access` leads to in `space`, which is the kernel's or the program's
// own. Errors are InvalidArgument, with the defect alone: for a field without a
// size, and for a bit-field that no load of up to 8 bytes can hold.
// Precondition: kind is not kTypeIdLocal.
absl::StatusOr<Value> ValueOf(const TypeSpace& space, RelocationKind kind,
                              const Access& access);
// Where the kernel has nothing that fits.
Value ValueOfNothing(RelocationKind kind);

}  // namespace btfd::core

#endif  // BTFD_LIB_CORE_VALUE_H_
