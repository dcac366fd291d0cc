// SPDX-License-Identifier: Apache-2.0
//
// Which pahole is stood for, and in what its releases differ: one table. What
// the entries do is told where they are asked.
#ifndef BTFD_LIB_ENCODE_RULES_H_
#define BTFD_LIB_ENCODE_RULES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace btfd::encode {

enum class PaholeVersion { k1_24, k1_30, k1_31, k1_32 };

// "1.24" and so on; with a leading v, too.
std::optional<PaholeVersion> ParsePaholeVersion(absl::string_view text);
absl::string_view PaholeVersionName(PaholeVersion version);  // "1.32"
int PaholeVersionNumber(PaholeVersion version);              // 132

struct Rules {
  PaholeVersion version;

  // Reading.
  bool walks_inlined;     // looks into DW_TAG_inlined_subroutine
  bool knows_atomic;      // DW_TAG_atomic_type, which makes the run fail
  bool nested_variables;  // static variables of functions take part

  // Types.
  bool arrays_nest;     // one ARRAY a dimension; else one with the product
  bool wide_ints_fake;  // an integer of more than 16 bytes is renamed; else
                        // the run fails
  // What a unit has twice is not found in a base by the libbpf of that pahole
  // (lib/engine/dedup/rules.h), so that leaving out copies makes a difference.
  bool copies_count_over_base;

  // Functions. From 1.28 on they are collected, and made at the end.
  bool functions_at_once;   // each when it is met, the first for a symbol
  bool merges_suffixes;     // the symbol table is keyed by name up to '.'
  bool checks_uncertain;    // packed structs on the stack, ambiguous symbols
  bool checks_reordered;    // parameters in another order than their origin's
  bool new_locations;       // how a parameter's registers are found
  bool proto_match_params;  // prototypes compare parameters, not returns
  bool picks_canonical;     // which of several states is made

  // Variables.
  bool variables_by_symbol;   // only those with a symbol in .data..percpu
  bool zero_address_by_name;  // address 0 needs a symbol of that name
  bool skips_gendwarfksyms;

  // What happens on an error, or without DWARF.
  bool silent_without_dwarf;  // exit code 0, and no message
};

const Rules& RulesOf(PaholeVersion version);

// What --btf_features and the options before it switch.
struct Features {
  bool encode_force = false;
  bool var = true;
  bool floats = false;
  bool decl_tag = true;
  bool type_tag = true;
  bool enum64 = true;
  bool optimized_func = false;
  bool consistent_func = false;
  bool decl_tag_kfuncs = false;
  bool reproducible_build = false;
  bool distilled_base = false;
  bool global_var = false;
  bool attributes = false;
  bool true_signature = false;
  bool layout = false;
  bool force_cu_merging = false;
};

// The number of a language as --lang_exclude spells it (any case); nothing for
// a name that pahole does not know.
std::optional<uint16_t> LanguageNumber(absl::string_view name);

}  // namespace btfd::encode

#endif  // BTFD_LIB_ENCODE_RULES_H_
