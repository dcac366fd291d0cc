// SPDX-License-Identifier: Apache-2.0
#include "lib/encode/rules.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace btfd::encode {

namespace {

constexpr Rules Make(PaholeVersion version) {
  const bool from_1_30 = version >= PaholeVersion::k1_30;
  const bool from_1_31 = version >= PaholeVersion::k1_31;
  const bool from_1_32 = version >= PaholeVersion::k1_32;
  Rules rules{};
  rules.version = version;
  rules.walks_inlined = !from_1_32;
  rules.knows_atomic = from_1_30;
  rules.nested_variables = !from_1_30;
  rules.arrays_nest = from_1_32;
  rules.wide_ints_fake = from_1_30;
  rules.copies_count_over_base = !from_1_32;
  rules.functions_at_once = !from_1_30;
  rules.merges_suffixes = from_1_31;
  rules.checks_uncertain = from_1_31;
  rules.checks_reordered = from_1_32;
  rules.new_locations = from_1_32;
  rules.proto_match_params = from_1_32;
  rules.picks_canonical = from_1_32;
  rules.variables_by_symbol = !from_1_30;
  rules.zero_address_by_name = from_1_30;
  rules.skips_gendwarfksyms = from_1_30;
  rules.silent_without_dwarf = from_1_31;
  return rules;
}

constexpr Rules kRules[] = {
    Make(PaholeVersion::k1_24),
    Make(PaholeVersion::k1_30),
    Make(PaholeVersion::k1_31),
    Make(PaholeVersion::k1_32),
};

constexpr struct {
  PaholeVersion version;
  absl::string_view name;
  int number;
} kVersions[] = {
    {PaholeVersion::k1_24, "1.24", 124},
    {PaholeVersion::k1_30, "1.30", 130},
    {PaholeVersion::k1_31, "1.31", 131},
    {PaholeVersion::k1_32, "1.32", 132},
};

// Names and numbers of DW_LANG_*, DWARF version 5, section 7.12, and those that
// were registered after it.
constexpr struct {
  absl::string_view name;
  uint16_t number;
} kLanguages[] = {
    {"ada83", 0x03},
    {"ada95", 0x0d},
    {"asm", 0x8001},
    {"bliss", 0x25},
    {"c", 0x02},
    {"c11", 0x1d},
    {"c89", 0x01},
    {"c99", 0x0c},
    {"c++", 0x04},
    {"c++03", 0x19},
    {"c++11", 0x1a},
    {"c++14", 0x21},
    {"cobol74", 0x05},
    {"cobol85", 0x06},
    {"d", 0x13},
    {"dylan", 0x20},
    {"fortran03", 0x22},
    {"fortran08", 0x23},
    {"fortran77", 0x07},
    {"fortran90", 0x08},
    {"fortran95", 0x0e},
    {"go", 0x16},
    {"haskell", 0x18},
    {"java", 0x0b},
    {"julia", 0x1f},
    {"modula2", 0x0a},
    {"modula3", 0x17},
    {"objc", 0x10},
    {"objc++", 0x11},
    {"ocaml", 0x1b},
    {"opencl", 0x15},
    {"pascal83", 0x09},
    {"pli", 0x0f},
    {"python", 0x14},
    {"renderscript", 0x24},
    {"rust", 0x1c},
    {"swift", 0x1e},
    {"upc", 0x12},
};

}  // namespace

const Rules& RulesOf(PaholeVersion version) {
  return kRules[static_cast<int>(version)];
}

std::optional<PaholeVersion> ParsePaholeVersion(absl::string_view text) {
  absl::ConsumePrefix(&text, "v");
  for (const auto& known : kVersions) {
    if (known.name == text) return known.version;
  }
  return std::nullopt;
}

absl::string_view PaholeVersionName(PaholeVersion version) {
  return kVersions[static_cast<int>(version)].name;
}

int PaholeVersionNumber(PaholeVersion version) {
  return kVersions[static_cast<int>(version)].number;
}

std::optional<uint16_t> LanguageNumber(absl::string_view name) {
  for (const auto& known : kLanguages) {
    if (absl::EqualsIgnoreCase(known.name, name)) return known.number;
  }
  return std::nullopt;
}

}  // namespace btfd::encode
