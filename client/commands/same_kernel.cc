// SPDX-License-Identifier: Apache-2.0
#include "client/commands/same_kernel.h"

#include <memory>
#include <unordered_set>

#include "absl/strings/str_split.h"
#include "lib/btf/base.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

absl::StatusOr<SymbolEvidence> CompareSymbols(absl::string_view symvers,
                                              absl::string_view btf) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const btf::Base> base,
                   btf::Base::Build(btf));
  std::unordered_set<std::string> functions;
  for (btf::TypeId id = 1; id < base->end_id(); ++id) {
    const btf::TypeRecord& type = base->type(id);
    if (type.kind() == btf::Kind::kFunc) {
      functions.emplace(base->string(type.name_off));
    }
  }
  SymbolEvidence evidence;
  for (const absl::string_view line : absl::StrSplit(symvers, '\n')) {
    // The fields are CRC, symbol, module, kind of export, namespace.
    const std::vector<absl::string_view> fields = absl::StrSplit(line, '\t');
    if (fields.size() < 4 || fields[2] == "vmlinux") continue;
    ++evidence.of_modules;
    std::string symbol(fields[1]);
    if (functions.count(symbol) != 0) {
      evidence.built_in.push_back(std::move(symbol));
    }
  }
  return evidence;
}

}  // namespace btfd::client
