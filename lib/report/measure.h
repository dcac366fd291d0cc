// SPDX-License-Identifier: Apache-2.0
//
// Where the bytes of one module's BTF are.
#ifndef BTFD_LIB_REPORT_MEASURE_H_
#define BTFD_LIB_REPORT_MEASURE_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/btf/btf.h"
#include "lib/btf/dedup_index.h"
#include "lib/btf/format.h"
#include "lib/report/functions.h"
#include "lib/report/type_keys.h"

namespace btfd::report {

inline constexpr size_t kKinds = btf::kMaxKnownKind + 1;

struct KindSize {
  uint64_t types = 0;
  uint64_t bytes = 0;  // of their records
};
using KindSizes = std::array<KindSize, kKinds>;  // by kind

// A type of a module.
struct ModuleType {
  Key key = 0;
  uint32_t bytes = 0;  // of its record
  btf::Kind kind = btf::Kind::kUnknown;
  bool in_base = false;  // the base has the same
  std::string name;      // empty: it has none
};

struct ModuleInput {
  absl::string_view btf;             // raw .BTF
  absl::string_view distilled_base;  // raw .BTF.base; empty: there is none
  // What the module stands on, or what a distilled one is for; null: nothing.
  const BaseKeys* base = nullptr;
  const btf::DedupIndex* dedup_index = nullptr;  // of it, unless only_count
  bool has_symbols = false;
  FunctionSymbols symbols;
  bool has_dwarf = false;
  std::map<std::string, std::string> skipped;  // as in functions.h
  // Leave out what dedup and distilling would make.
  bool only_count = false;
};

struct ModuleSizes {
  uint64_t btf_bytes = 0;
  uint64_t base_bytes = 0;    // .BTF.base
  uint64_t string_bytes = 0;  // own ones, of .BTF
  KindSizes kinds{};
  std::vector<ModuleType> types;
  // Of .BTF, once it is deduplicated against the base; and of that and the
  // .BTF.base that distilling then makes. Nothing without a base, or if that
  // fails; `why_not` says how.
  std::optional<uint64_t> deduplicated;
  std::optional<uint64_t> distilled_btf;
  std::optional<uint64_t> distilled_base;
  absl::Status why_not;
  std::optional<Functions> functions;  // nothing without a symbol table

  uint64_t bytes() const { return btf_bytes + base_bytes; }
};

// Errors: InvalidArgument for BTF that is defective or does not stand on that
// base; ResourceExhausted where looking at it costs out of all proportion to
// its size. Thread-safe.
absl::StatusOr<ModuleSizes> Measure(const ModuleInput& input);

}  // namespace btfd::report

#endif  // BTFD_LIB_REPORT_MEASURE_H_
