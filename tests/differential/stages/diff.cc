// SPDX-License-Identifier: Apache-2.0
#include "tests/differential/stages/diff.h"

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/btf/base.h"
#include "lib/btf/btf.h"
#include "lib/btf/dedup_index.h"
#include "lib/engine/dedup/dedup.h"
#include "lib/engine/distill/distill.h"
#include "lib/engine/rebase.h"
#include "lib/engine/relocate.h"
#include "lib/engine/sort.h"
#include "lib/util/status_macros.h"
#include "tests/oracle/oracle.h"

namespace btfd::tests {

namespace {

using btf::Base;
using btf::Btf;

// One standalone BTF, or a base and a split over it.
struct Bytes {
  std::string split;
  std::string base;
};
using Native = absl::StatusOr<Bytes>;
using Expected = std::optional<Bytes>;

std::string Serialized(const Btf& btf) {
  std::string bytes;
  btf.Serialize(&bytes);
  return bytes;
}

std::string FirstDifference(const std::string& what, const std::string& native,
                            const std::string& expected) {
  if (native == expected) return "";
  size_t at = 0;
  while (at < native.size() && at < expected.size() &&
         native[at] == expected[at]) {
    ++at;
  }
  return absl::StrCat(what, ": ", native.size(), " bytes instead of ",
                      expected.size(), ", the first difference at ", at);
}

std::string Compare(const Native& native, const Expected& expected,
                    bool* refused) {
  *refused = !expected.has_value();
  if (native.ok() != expected.has_value()) {
    return native.ok() ? "only libbpf refuses"
                       : absl::StrCat("only the engine refuses: ",
                                      native.status().message());
  }
  if (!native.ok()) return "";
  const std::string difference =
      FirstDifference("base", native->base, expected->base);
  if (!difference.empty()) return difference;
  return FirstDifference("split", native->split, expected->split);
}

// ---- libbpf.

// A parsed BTF; `parsed` also keeps its base alive.
struct OracleCase {
  OracleBtf base;
  OracleBtf split;
};

std::optional<OracleCase> OracleLoad(const std::string& base,
                                     const std::string& split) {
  OracleCase loaded;
  if (!base.empty()) {
    loaded.base = OracleParse(base, nullptr);
    if (loaded.base == nullptr) return std::nullopt;
  }
  loaded.split = OracleParse(split, loaded.base.get());
  if (loaded.split == nullptr) return std::nullopt;
  return loaded;
}

Expected ExpectedDistill(const GeneratedCase& input, bool sorted) {
  auto loaded = OracleLoad(input.base, input.split);
  if (!loaded.has_value()) return std::nullopt;
  auto distilled = OracleDistill(loaded->split.get());
  if (!distilled.has_value()) return std::nullopt;
  if (sorted && OracleSort(distilled->split.get()) < 0) return std::nullopt;
  return Bytes{OracleBytes(distilled->split.get()).value_or("?"),
               OracleBytes(distilled->base.get()).value_or("?")};
}

// Also sorts, because only then do both sides write their edits.
Expected ExpectedRelocate(const RelocationCase& input) {
  auto loaded = OracleLoad(input.distilled, input.split);
  const OracleBtf base = OracleParse(input.base, nullptr);
  if (!loaded.has_value() || base == nullptr) return std::nullopt;
  if (OracleRelocate(loaded->split.get(), base.get()) < 0 ||
      OracleSort(loaded->split.get()) < 0) {
    return std::nullopt;
  }
  return Bytes{OracleBytes(loaded->split.get()).value_or("?"), ""};
}

// ---- The engine.

absl::StatusOr<std::shared_ptr<const Base>> LoadBase(const std::string& raw) {
  if (raw.empty()) return std::shared_ptr<const Base>();
  return Base::Build(raw);
}

Native NativeSort(const GeneratedCase& input, util::Arena* arena) {
  ASSIGN_OR_RETURN(const auto base, LoadBase(input.base));
  ASSIGN_OR_RETURN(Btf split,
                   Btf::Parse(input.split, base.get(), ".BTF", arena));
  RETURN_IF_ERROR(engine::SortByName(&split));
  return Bytes{Serialized(split), ""};
}

Native NativeDistill(const GeneratedCase& input, bool sorted,
                     util::Arena* arena) {
  ASSIGN_OR_RETURN(const auto base, LoadBase(input.base));
  ASSIGN_OR_RETURN(const Btf source,
                   Btf::Parse(input.split, base.get(), ".BTF", arena));
  std::optional<Btf> new_base;
  std::optional<Btf> new_split;
  RETURN_IF_ERROR(engine::Distill(source, btf::kExtendedHeaderSize, sorted,
                                  &new_base, &new_split));
  return Bytes{Serialized(*new_split), Serialized(*new_base)};
}

Native NativeRelocate(const RelocationCase& input, util::Arena* arena) {
  ASSIGN_OR_RETURN(const auto distilled, LoadBase(input.distilled));
  ASSIGN_OR_RETURN(const auto base, LoadBase(input.base));
  ASSIGN_OR_RETURN(Btf split,
                   Btf::Parse(input.split, distilled.get(), ".BTF", arena));
  RETURN_IF_ERROR(engine::Relocate(&split, *base));
  RETURN_IF_ERROR(engine::SortByName(&split));
  return Bytes{Serialized(split), ""};
}

Native NativeRebase(const std::string& standalone, const std::string& raw_base,
                    util::Arena* arena) {
  ASSIGN_OR_RETURN(const auto base, LoadBase(raw_base));
  ASSIGN_OR_RETURN(const auto index, btf::DedupIndex::Build(*base));
  ASSIGN_OR_RETURN(const Btf source,
                   Btf::Parse(standalone, nullptr, ".BTF", arena));
  ASSIGN_OR_RETURN(Btf split,
                   engine::Rebase(source, *base, btf::kExtendedHeaderSize));
  RETURN_IF_ERROR(engine::Dedup(&split, index.get()));
  return Bytes{Serialized(split), ""};
}

}  // namespace

std::string CompareSort(const GeneratedCase& input, util::Arena* arena,
                        bool* refused) {
  Expected expected;
  if (auto loaded = OracleLoad(input.base, input.split);
      loaded.has_value() && OracleSort(loaded->split.get()) >= 0) {
    expected = Bytes{OracleBytes(loaded->split.get()).value_or("?"), ""};
  }
  arena->Reset();
  return Compare(NativeSort(input, arena), expected, refused);
}

std::string CompareDistill(const GeneratedCase& input, util::Arena* arena,
                           bool* refused) {
  for (const bool sorted : {false, true}) {
    arena->Reset();
    const std::string difference =
        Compare(NativeDistill(input, sorted, arena),
                ExpectedDistill(input, sorted), refused);
    if (!difference.empty()) {
      return absl::StrCat(sorted ? "sorted: " : "unsorted: ", difference);
    }
  }
  return "";
}

std::string CompareDistillAndRelocate(const GeneratedCase& input,
                                      const std::string& other_base,
                                      util::Arena* arena, bool* refused) {
  const Expected distilled = ExpectedDistill(input, /*sorted=*/true);
  if (!distilled.has_value()) {
    *refused = true;
    return "";
  }
  return CompareRelocate({distilled->base, distilled->split, other_base}, arena,
                         refused);
}

std::string CompareRelocate(const RelocationCase& input, util::Arena* arena,
                            bool* refused) {
  arena->Reset();
  const Native native = NativeRelocate(input, arena);
  // On such input libbpf hangs.
  if (absl::StrContains(native.status().message(), "is a cycle of modifiers")) {
    *refused = true;
    return "";
  }
  return Compare(native, ExpectedRelocate(input), refused);
}

std::string CompareRebase(const std::string& standalone,
                          const std::string& base, util::Arena* arena,
                          bool* refused) {
  arena->Reset();
  const auto parsed = Btf::Parse(standalone, nullptr, ".BTF", arena);
  // If there are no types, libbpf takes the result of its empty allocation for
  // an error.
  if (parsed.ok() && parsed->own_count() == 0) {
    *refused = true;
    return "";
  }
  Expected expected;
  const OracleBtf oracle_base = OracleParse(base, nullptr);
  const OracleBtf source = OracleParse(standalone, nullptr);
  if (oracle_base != nullptr && source != nullptr) {
    if (const OracleBtf split = OracleRebase(source.get(), oracle_base.get())) {
      expected = Bytes{OracleBytes(split.get()).value_or("?"), ""};
    }
  }
  arena->Reset();
  return Compare(NativeRebase(standalone, base, arena), expected, refused);
}

}  // namespace btfd::tests
