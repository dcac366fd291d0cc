// SPDX-License-Identifier: Apache-2.0
//
// Which candidates a relocation fits, and that they agree. One Resolver holds
// the candidates of one program in one kernel, because a relocation narrows
// them for those behind it: of two kernel types of one name, the one that has
// the first field is asked for the second one, too.
#ifndef BTFD_LIB_CORE_RESOLVE_H_
#define BTFD_LIB_CORE_RESOLVE_H_

#include <functional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "lib/core/access.h"
#include "lib/core/program.h"
#include "lib/core/type_space.h"
#include "lib/core/value.h"

namespace btfd::core {

struct Resolution {
  // Of each candidate that fits; empty: none does.
  std::vector<Access> matches;
  // The candidates that do not fit.
  std::vector<btf::TypeId> misfits;
  Value value;
};

// Not thread-safe. What it is made of must outlive it.
class Resolver {
 public:
  // Gives the candidates of a kind and an essential name, ascending.
  using Find =
      std::function<std::vector<btf::TypeId>(btf::Kind, absl::string_view)>;

  Resolver(const Program& program, const TypeSpace& local,
           const TypeSpace& kernel, Find find)
      : program_(program),
        local_(local),
        kernel_(kernel),
        find_(std::move(find)) {}

  // Precondition: the kind is not kTypeIdLocal. InvalidArgument, naming
  // program, section and offset: the relocation is wrong in itself, is of an
  // anonymous type, or its candidates disagree; libbpf refuses to load the
  // program then. ResourceExhausted where the kernel's work is used up.
  absl::StatusOr<Resolution> Resolve(const Relocation& relocation);

  // Those of a type of the program that are left, found at first use.
  const std::vector<btf::TypeId>& Candidates(btf::TypeId local);

 private:
  absl::StatusOr<std::optional<Access>> Match(const Relocation& relocation,
                                              const Access& wanted,
                                              btf::TypeId candidate) const;
  absl::StatusOr<Resolution> Compare(const Relocation& relocation,
                                     const Access& wanted,
                                     std::vector<btf::TypeId>* candidates);

  const Program& program_;
  const TypeSpace& local_;
  const TypeSpace& kernel_;
  const Find find_;
  absl::flat_hash_map<btf::TypeId, std::vector<btf::TypeId>> candidates_;
};

}  // namespace btfd::core

#endif  // BTFD_LIB_CORE_RESOLVE_H_
