// SPDX-License-Identifier: Apache-2.0
//
// The functions that a module has and its BTF has not, and why, as far as that
// can be told.
#ifndef BTFD_LIB_REPORT_FUNCTIONS_H_
#define BTFD_LIB_REPORT_FUNCTIONS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/btf/btf.h"
#include "lib/util/work_budget.h"

namespace btfd::report {

// The names of a symbol table's functions (STT_FUNC, with a section).
using FunctionSymbols = std::vector<absl::string_view>;

struct MissingFunction {
  std::string name;
  std::string reason;
};

struct Functions {
  uint32_t in_btf = 0;
  std::vector<MissingFunction> missing;  // by name
};

// Why a function has no FUNC where neither DWARF nor its symbols tell.
inline constexpr char kReasonUnknown[] = "not known without DWARF";

// Compares the FUNCs of `btf` with the symbols. `skipped` are reasons by name
// that the encoder gave, which read the file's DWARF; without these only what
// symbols show is told: that the compiler made another function of it, or that
// several have the name. What compilers and build tools add to a module
// (init_module, __pfx_, .cold) is passed over. Where the budget runs out, the
// rest is left out.
Functions CompareFunctions(const btf::Btf& btf, const FunctionSymbols& symbols,
                           const std::map<std::string, std::string>& skipped,
                           bool has_dwarf, util::WorkBudget* work);

}  // namespace btfd::report

#endif  // BTFD_LIB_REPORT_FUNCTIONS_H_
