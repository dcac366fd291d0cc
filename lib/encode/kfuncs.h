// SPDX-License-Identifier: Apache-2.0
//
// The kfuncs that .BTF_ids names: members of its flagged sets.
#ifndef BTFD_LIB_ENCODE_KFUNCS_H_
#define BTFD_LIB_ENCODE_KFUNCS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/dwarf/object.h"

namespace btfd::encode {

struct Kfunc {
  absl::string_view name;
  uint32_t flags = 0;
};

// In the order of the symbol table. Nothing where the file has no .BTF_ids or
// no symbols; what is defective in them is passed over, as pahole does.
std::vector<Kfunc> FindKfuncs(const dwarf::Object& object);

}  // namespace btfd::encode

#endif  // BTFD_LIB_ENCODE_KFUNCS_H_
