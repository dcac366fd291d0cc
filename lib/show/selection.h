// SPDX-License-Identifier: Apache-2.0
//
// Which types are shown: all own ones, or some with what they need.
#ifndef BTFD_LIB_SHOW_SELECTION_H_
#define BTFD_LIB_SHOW_SELECTION_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "lib/btf/btf.h"

namespace btfd::show {

struct ShownType {
  btf::TypeId id = 0;
  // A struct or union of which nothing but the name is needed: shown as a FWD.
  bool declared_only = false;
};

// The own types, in the order of their ids.
std::vector<ShownType> AllOwn(const btf::Btf& btf);

// `roots` with all that they need, the base's types included: each type once,
// behind what it needs. A named struct or union that is reached through a
// pointer alone is needed by name only: what C needs a forward declaration for.
//
//   struct a { struct b in; struct c *out; };
//
// is shown as b, c (declared only), the pointer, a.
//
// Where types need each other in a circle, one of them comes too early. Costs
// O(types). InvalidArgument for a type that refers beyond the last type.
absl::StatusOr<std::vector<ShownType>> WithNeeded(
    const btf::Btf& btf, absl::Span<const btf::TypeId> roots);

// The ids, ascending, of the types called `name`, the base's included: all
// kinds, or with "struct ", "union ", "enum " or "typedef " before the name the
// types of that kind alone. NotFound names the most similar names, if there are
// any.
absl::StatusOr<std::vector<btf::TypeId>> FindTypes(const btf::Btf& btf,
                                                   absl::string_view name);

}  // namespace btfd::show

#endif  // BTFD_LIB_SHOW_SELECTION_H_
