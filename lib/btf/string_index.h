// SPDX-License-Identifier: Apache-2.0
//
// Text -> first offset, over a growing string section of a request. Built on
// first use and kept up with by Add(). The section itself stays with its owner
// and is handed in with each call.
//
// The hash that is handed in is known to all, so texts can be made that meet in
// one place. Where too many do, the index turns to a secret hash.
// What it answers never depends on that.
#ifndef BTFD_LIB_BTF_STRING_INDEX_H_
#define BTFD_LIB_BTF_STRING_INDEX_H_

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/btf/probe_table.h"

namespace btfd::btf {

// Number of NULs in a section: of strings, if it is empty or ends in NUL.
uint64_t CountStrings(absl::string_view section);

// Texts of less than about twice that are short. The kernel's longest symbols
// have 511 characters.
inline constexpr size_t kTextWindow = 512;

// False if each text in a section, ends of others included, is shorter than
// 2 * window bytes; true if one is as long as that, or nearly. Looks at some
// bytes of each window only.
bool HasLongTexts(absl::string_view section, size_t window);

class StringIndex {
 public:
  explicit StringIndex(std::pmr::memory_resource* memory) : slots_(memory) {}

  bool built() const { return !slots_.empty(); }
  void Clear() {
    slots_.clear();
    count_ = 0;
    secret_ = false;
  }

  // Indexes all whole strings of a section, first occurrence wins.
  // Precondition: the section is empty or ends in NUL.
  void Build(absl::string_view section);
  // Offset of the whole string that equals `text`. Precondition: built().
  std::optional<uint32_t> Find(absl::string_view section,
                               absl::string_view text, uint64_t hash) const;
  // Indexes the string at `offset`, the last of the section, which Find() did
  // not find before. Precondition: built().
  void Add(absl::string_view section, uint32_t offset, uint64_t hash);

 private:
  uint64_t HashOf(absl::string_view text, uint64_t hash) const;
  // Whether a text came to lie too far from where its hash says.
  bool IsCrowded(uint32_t slot, uint64_t hash) const;
  bool TryBuild(absl::string_view section);

  std::pmr::vector<uint32_t> slots_;  // values are offset + 1
  ProbeShape shape_;
  uint32_t count_ = 0;
  bool secret_ = false;  // whether hashes that are handed in are of no use
};

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_STRING_INDEX_H_
