// SPDX-License-Identifier: Apache-2.0
#include "lib/report/functions.h"

#include <unordered_set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace btfd::report {

namespace {

// Symbols of functions that nobody wrote: aliases that the module loader looks
// for, and what objtool, kCFI and the compiler put beside a function.
bool IsOfTheBuild(absl::string_view name) {
  if (name == "init_module" || name == "cleanup_module") return true;
  for (const absl::string_view prefix :
       {"__pfx_", "__cfi_", "__bpf_trace_", "__probestub_", "__SCT__"}) {
    if (absl::StartsWith(name, prefix)) return true;
  }
  return false;
}

struct Seen {
  uint32_t plain = 0;     // symbols of just this name
  std::string compilers;  // ".isra", ".constprop", ...
};

}  // namespace

Functions CompareFunctions(const btf::Btf& btf, const FunctionSymbols& symbols,
                           const std::map<std::string, std::string>& skipped,
                           bool has_dwarf, util::WorkBudget* work) {
  Functions functions;
  std::unordered_set<std::string> in_btf;
  for (btf::TypeId id = btf.first_id(); id < btf.end_id(); ++id) {
    if (btf.own_type(id).kind() != btf::Kind::kFunc) continue;
    ++functions.in_btf;
    in_btf.emplace(btf.name(id));
    work->Spend(1 + in_btf.size() / 1024);
    if (work->exhausted()) return functions;
  }
  std::map<std::string, Seen> seen;
  for (const absl::string_view symbol : symbols) {
    work->Spend(1 + symbol.size());
    if (work->exhausted()) return functions;
    const size_t dot = symbol.find('.', 1);
    const absl::string_view name = symbol.substr(0, dot);
    if (IsOfTheBuild(name) || in_btf.count(std::string(name)) != 0) continue;
    Seen& one = seen[std::string(name)];
    if (dot == absl::string_view::npos) {
      ++one.plain;
      continue;
    }
    const absl::string_view ending = symbol.substr(dot);
    one.compilers = std::string(ending.substr(0, ending.find('.', 1)));
  }
  for (auto& [name, one] : seen) {
    MissingFunction missing;
    missing.name = name;
    const auto told = skipped.find(name);
    if (told != skipped.end()) {
      missing.reason = told->second;
    } else if (one.plain == 0) {
      // The part of a function that is seldom run is no function.
      if (one.compilers == ".cold") continue;
      missing.reason = absl::StrCat(
          "the compiler made another function of it (", one.compilers, ")");
    } else if (one.plain > 1) {
      missing.reason = "several functions have the name";
    } else {
      missing.reason =
          has_dwarf ? "DWARF has no function of that name" : kReasonUnknown;
    }
    functions.missing.push_back(std::move(missing));
  }
  return functions;
}

}  // namespace btfd::report
