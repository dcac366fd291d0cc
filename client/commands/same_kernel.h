// SPDX-License-Identifier: Apache-2.0
//
// Finds out whether a vmlinux belongs to the same kernel as the headers, if the
// vmlinux does not say it: some distributions' headers contain a vmlinux with
// nothing but BTF.
//
// The evidence: Module.symvers, which is part of the headers, names the module
// that exports a symbol. If it says that a module has a function, but the BTF
// has the function in vmlinux, then the two have different configurations.
// Measured on Debian's 6.12 and 7.2: none of 5,087 such functions for the right
// pair; 151 of 15,496 for the cloud flavour's vmlinux with the amd64 flavour's
// headers of the same version; 90 of 5,087 for another release's.
#ifndef BTFD_CLIENT_COMMANDS_SAME_KERNEL_H_
#define BTFD_CLIENT_COMMANDS_SAME_KERNEL_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace btfd::client {

struct SymbolEvidence {
  size_t of_modules = 0;              // functions that modules export
  std::vector<std::string> built_in;  // those that the BTF has in vmlinux
};

// By chance, this many may have the same name as a static function.
inline constexpr size_t kChanceNames = 10;

// `symvers` is the text of a Module.symvers, `btf` the BTF of a vmlinux. Errors
// are those of the BTF's parser.
absl::StatusOr<SymbolEvidence> CompareSymbols(absl::string_view symvers,
                                              absl::string_view btf);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_COMMANDS_SAME_KERNEL_H_
