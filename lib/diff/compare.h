// SPDX-License-Identifier: Apache-2.0
//
// What differs between two BTFs, by name and never by id.
#ifndef BTFD_LIB_DIFF_COMPARE_H_
#define BTFD_LIB_DIFF_COMPARE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/diff/form.h"
#include "lib/diff/kfuncs.h"
#include "lib/util/work_budget.h"

namespace btfd::diff {

// Of a part that is on one side only, the other is unset.
struct PartChange {
  std::optional<Part> a;
  std::optional<Part> b;

  bool moved() const { return a && b && a->bit_offset != b->bit_offset; }
  bool resized() const {
    return a && b && a->bitfield_size != b->bitfield_size;
  }
  bool retyped() const { return a && b && a->type != b->type; }
  bool revalued() const { return a && b && a->value != b->value; }
};

struct Change {
  Class cls;
  absl::string_view name;
  // Unset: there is none on that side (of those of that name).
  std::optional<Form> a;
  std::optional<Form> b;
  btf::TypeId a_id = 0;  // of what `a` is
  std::vector<PartChange> parts;
  // Of kfuncs, where known.
  std::optional<uint32_t> a_flags;
  std::optional<uint32_t> b_flags;
};

// The changes from `a` to `b`, by class and name. A name may be used more than
// once: what is the same on both sides is paired first, and then what is left,
// in the order of ids. Kfuncs are sorted and unique by name.
//
// The views in the result are of the two sides (and the kfuncs), which must
// outlive it. Errors: as of Side::status().
absl::StatusOr<std::vector<Change>> Compare(Side* a, Side* b,
                                            const std::vector<Kfunc>& a_kfuncs,
                                            const std::vector<Kfunc>& b_kfuncs,
                                            util::WorkBudget* work);

}  // namespace btfd::diff

#endif  // BTFD_LIB_DIFF_COMPARE_H_
