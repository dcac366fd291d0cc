// SPDX-License-Identifier: Apache-2.0
//
// Whether a vmlinux is of the kernel that headers are of, where it does not say
// itself: some distributions' headers bring one with nothing in it but BTF.
//
// The evidence: Module.symvers, which comes with the headers, names the module
// that exports a symbol. A function that it has in a module, and that the BTF
// has in vmlinux, is built in there: another configuration. Measured on
// Debian's 6.12 and 7.2: none of 5,087 such functions for the right pair; 151
// of 15,496 for the cloud flavour's vmlinux under the amd64 flavour's headers
// of the same version; 90 of 5,087 for another release's.
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
  std::vector<std::string> built_in;  // of these, what the BTF has in vmlinux
};

// So many may have the name of a static function by chance.
inline constexpr size_t kChanceNames = 10;

// `symvers` is the text of a Module.symvers, `btf` that of a vmlinux. Errors:
// of the BTF.
absl::StatusOr<SymbolEvidence> CompareSymbols(absl::string_view symvers,
                                              absl::string_view btf);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_COMMANDS_SAME_KERNEL_H_
