// SPDX-License-Identifier: Apache-2.0
#include "client/encode/takeover.h"

#include <string>

#include "gtest/gtest.h"
#include "lib/store/counters.h"

namespace btfd::client {
namespace {

// These messages are those of lib/dwarf and lib/encode.
TEST(Takeover, IsToldByWhatIsNotKnown) {
  for (const auto& [words, counter] : {
           std::pair("the feature true_signature", "takeover_feature"),
           std::pair(".debug_info at offset 0x0: a partial unit (dwz) or a "
                     "skeleton unit (split DWARF)",
                     "takeover_dwz"),
           std::pair(".debug_info at offset 0x0: a unit is imported (dwz)",
                     "takeover_dwz"),
           std::pair(".debug_types at offset 0: type units are not read",
                     "takeover_type_units"),
           std::pair(".debug_info at offset 0x10: a type unit",
                     "takeover_type_units"),
           std::pair(".debug_abbrev at offset 0x4: form 0x99 is not known",
                     "takeover_form"),
           std::pair(".debug_info at offset 0x0: DWARF version 6 is not known",
                     "takeover_dwarf_version"),
           std::pair(".debug_info: relocation of type 9 at offset 0x1 is not "
                     "known",
                     "takeover_relocation"),
           std::pair("a.ko: section .debug_info: compression 7 is not known",
                     "takeover_compression"),
           std::pair("the type at offset 0x9 of its unit is nested too deep, "
                     "or in a circle",
                     "takeover_nesting"),
           std::pair(".debug_info at offset 0x9: DW_AT_GNU_annotation",
                     "takeover_annotation"),
           std::pair(".debug_info at offset 0x9: a function in an enumeration "
                     "(Rust)",
                     "takeover_language"),
           std::pair(".debug_info at offset 0x9: a typedef with "
                     "DW_AT_specification",
                     "takeover_shape"),
           std::pair("something new", "takeover_other"),
       }) {
    const Takeover reason = TakeoverOf(absl::UnimplementedError(words));
    EXPECT_STREQ(TakeoverCounter(reason), counter) << words;
  }
}

TEST(Takeover, IsCountedUnderANameThatTheDaemonKnows) {
  for (int i = 0; i <= static_cast<int>(Takeover::kOther); ++i) {
    const char* const name = TakeoverCounter(static_cast<Takeover>(i));
    EXPECT_TRUE(store::FindCounter(name).has_value()) << name;
  }
}

}  // namespace
}  // namespace btfd::client
