// SPDX-License-Identifier: Apache-2.0
//
// The types and members that relocations need, as bpftool's `gen min_core_btf`
// counts them (Linux tools/bpf/bpftool/gen.c of 7.3, the comments there):
//
//   a field            the members on the way to it, and the types of these,
//                      with a pointer's target left out
//   a type             it and what its typedefs, qualifiers, arrays, pointers
//                      and prototypes lead to; of structs and unions no members
//   a type's match     all members as well, but not behind a pointer
//   an enumerator      its whole enum
//
// Beyond bpftool, which refuses them: type tags and decl tags, functions,
// variables and data sections lead on to their types.
#ifndef BTFD_LIB_CORE_MARKS_H_
#define BTFD_LIB_CORE_MARKS_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "lib/core/access.h"
#include "lib/core/relocation.h"
#include "lib/core/type_space.h"

namespace btfd::core {

// What is kept of one BTF. It costs what is marked, not what there is.
class Marks {
 public:
  struct Type {
    uint8_t ways = 0;           // in which it was reached; see Marker
    std::vector<bool> members;  // of a struct or union; empty: none
  };

  // Ids, ascending.
  std::vector<btf::TypeId> Ids() const;
  Type& Of(btf::TypeId id) { return types_[id]; }
  // Precondition: id is one of Ids().
  const Type& At(btf::TypeId id) const { return types_.at(id); }

 private:
  absl::flat_hash_map<btf::TypeId, Type> types_;
};

// Marks in a kernel, or in a module and the kernel under it. Errors are
// InvalidArgument, where a type of a kind that is not known here is needed.
class Marker {
 public:
  // Types below `first_own` are marked in `base`, the others in `own`.
  Marker(const TypeSpace& space, btf::TypeId first_own, Marks* base, Marks* own)
      : space_(space), first_own_(first_own), base_(base), own_(own) {}

  // What a relocation of that kind needs of `access`.
  absl::Status Mark(RelocationKind kind, const Access& access);

 private:
  enum Way : uint8_t {
    kNear = 1,           // up to pointers
    kFar = 2,            // through pointers
    kWhole = 4,          // with members
    kBehindPointer = 8,  // as kWhole, but reached through a pointer
  };

  absl::Status Follow(btf::TypeId root, Way way);
  absl::Status FollowOne(btf::TypeId id, Way way);
  void Reach(btf::TypeId id, Way way);
  Marks::Type& MarksOf(btf::TypeId id) {
    return (id < first_own_ ? base_ : own_)->Of(id);
  }
  absl::Status MarkField(const Access& access);

  const TypeSpace& space_;
  const btf::TypeId first_own_;
  Marks* const base_;
  Marks* const own_;
  std::vector<std::pair<btf::TypeId, Way>> pending_;
};

}  // namespace btfd::core

#endif  // BTFD_LIB_CORE_MARKS_H_
