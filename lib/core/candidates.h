// SPDX-License-Identifier: Apache-2.0
//
// Which types of a kernel a program's type may stand for: those of its kind
// and of its name, where flavours ("___x") do not count on either side. Names
// come from the index of the Base; what that does not list (kernel types that
// are themselves of a flavour, and kinds that no compiler refers to by name)
// is found by one look at the strings or types, when it is first needed.
#ifndef BTFD_LIB_CORE_CANDIDATES_H_
#define BTFD_LIB_CORE_CANDIDATES_H_

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

// The same for the own types of a split BTF.
class ModuleCandidates {
 public:
  explicit ModuleCandidates(const btf::Btf& module) : module_(module) {}
  std::vector<btf::TypeId> Find(btf::Kind kind, absl::string_view name);

 private:
  const btf::Btf& module_;
  std::optional<
      absl::flat_hash_map<absl::string_view, std::vector<btf::TypeId>>>
      names_;
};

}  // namespace btfd::core

#endif  // BTFD_LIB_CORE_CANDIDATES_H_
