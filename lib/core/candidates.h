// SPDX-License-Identifier: Apache-2.0
//
// Which types of a kernel a program's type may stand for: those of its kind
// and of its name, where flavours ("___x") do not count on either side. Names
// come from the index of the Base; what that does not list (kernel types that
// are themselves of a flavour, and kinds that no compiler refers to by name)
// is found by one look at the strings or types, when it is first needed.
#ifndef BTFD_LIB_CORE_CANDIDATES_H_
#define BTFD_LIB_CORE_CANDIDATES_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "lib/btf/base.h"
#include "lib/btf/btf.h"
#include "lib/core/type_space.h"

namespace btfd::core {

// Not thread-safe. What it is made of must outlive it.
class BaseCandidates {
 public:
  BaseCandidates(const btf::Base& base, util::WorkBudget* work)
      : base_(base), work_(work) {}
  // Ids, ascending. `name` is essential and not empty.
  std::vector<btf::TypeId> Find(btf::Kind kind, absl::string_view name);

 private:
  void AddIndexed(btf::Kind kind, absl::string_view name,
                  std::vector<btf::TypeId>* ids) const;
  void FindFlavours();

  const btf::Base& base_;
  util::WorkBudget* work_;
  // Types with a flavour, by essential name, ascending.
  std::optional<
      absl::flat_hash_map<absl::string_view, std::vector<btf::TypeId>>>
      flavours_;
};

// The same for types that no Base indexes: the own ones of a split BTF, or
// those of a kernel that is looked at once. One walk over them, when it is
// first asked, makes a table of their essential names.
class NameIndex {
 public:
  // For types from `first` on.
  NameIndex(const TypeSpace& space, btf::TypeId first)
      : space_(space), first_(first) {}
  std::vector<btf::TypeId> Find(btf::Kind kind, absl::string_view name);

 private:
  void Build();

  const TypeSpace& space_;
  const btf::TypeId first_;
  // Ids in chains, ascending, by the hash of the name: where each begins, and
  // what comes after a type, counted from first_. 0 ends a chain. It is secret
  // which names share one.
  std::vector<btf::TypeId> heads_;
  std::unique_ptr<btf::TypeId[]> next_;
};

}  // namespace btfd::core

#endif  // BTFD_LIB_CORE_CANDIDATES_H_
