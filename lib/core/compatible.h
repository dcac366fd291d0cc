// SPDX-License-Identifier: Apache-2.0
//
// Whether a type of the program can stand for one of the kernel. Three
// questions, each with libbpf's rules (Linux tools/lib/bpf/relo_core.c of 7.3,
// the comments above the functions of these names).
#ifndef BTFD_LIB_CORE_COMPATIBLE_H_
#define BTFD_LIB_CORE_COMPATIBLE_H_

#include "absl/status/statusor.h"
#include "lib/core/type_space.h"

namespace btfd::core {

// The same kind, where ENUM and ENUM64 count as one.
bool AreOfOneKind(btf::Kind a, btf::Kind b);

// Of the types of two fields: any struct or union with any other, any pointer,
// integer, or float with another, arrays by their elements, enums and forward
// declarations by their names.
bool AreFieldsCompatible(const TypeSpace& program, btf::TypeId local,
                         const TypeSpace& kernel, btf::TypeId target);

// For existence, size and id of a type whose name fits: the same kind behind
// the same pointers, arrays and parameters. InvalidArgument for types that are
// nested more than 32 deep.
absl::StatusOr<bool> AreTypesCompatible(const TypeSpace& program,
                                        btf::TypeId local,
                                        const TypeSpace& kernel,
                                        btf::TypeId target);

// The strict one: all of the program's members and enumerators are in the
// kernel's type, and match in turn; of what is behind a pointer, the name
// alone. Errors as above.
absl::StatusOr<bool> DoTypesMatch(const TypeSpace& program, btf::TypeId local,
                                  const TypeSpace& kernel, btf::TypeId target);

}  // namespace btfd::core

#endif  // BTFD_LIB_CORE_COMPATIBLE_H_
