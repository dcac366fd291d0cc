// SPDX-License-Identifier: Apache-2.0
//
// A relocation's way from a type to a field or an enumerator. "0:1:2" of the
// program's type is spelled out as names (ParseAccess), and these are looked
// for in a type of the kernel (MatchAccess), where they may lie elsewhere: at
// other indexes, and in or out of anonymous structs and unions.
//
//   program: struct task { int pid; struct list tasks; }      0:1:0
//   kernel:  struct task { long state; union { struct {
//            int pid; struct list tasks; }; }; }              0:1:0:1:0
//
// The rules are those of libbpf (Linux tools/lib/bpf/relo_core.c of 7.3, the
// comments there).
#ifndef BTFD_LIB_CORE_ACCESS_H_
#define BTFD_LIB_CORE_ACCESS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/core/relocation.h"
#include "lib/core/type_space.h"

namespace btfd::core {

// The longest way that libbpf goes.
inline constexpr size_t kLongestAccess = 64;

struct AccessStep {
  btf::TypeId type = 0;        // the struct or union; of an array, the element
  uint32_t index = 0;          // of the member, element or enumerator
  const char* name = nullptr;  // of the member or enumerator; null: an element
};

struct Access {
  btf::TypeId root = 0;  // as the relocation has it, typedefs and all
  // Named members and elements alone; the first one is the element of the array
  // that the pointer to root is taken for.
  std::vector<AccessStep> steps;
  // All indexes, anonymous structs and unions included.
  std::vector<uint32_t> path;
  uint32_t bit_offset = 0;
};

// Errors are InvalidArgument, with the defect alone.
absl::StatusOr<Access> ParseAccess(const TypeSpace& program,
                                   const Relocation& relocation);

// The same way from `candidate`; nothing if that has no such field, or one of
// another type. Precondition: `wanted` came from ParseAccess() for `kind`,
// which is not about a type. Errors as above, and OutOfRange for a way of more
// than kLongestAccess indexes.
absl::StatusOr<std::optional<Access>> MatchAccess(const TypeSpace& program,
                                                  const Access& wanted,
                                                  RelocationKind kind,
                                                  const TypeSpace& kernel,
                                                  btf::TypeId candidate);

}  // namespace btfd::core

#endif  // BTFD_LIB_CORE_ACCESS_H_
