// SPDX-License-Identifier: Apache-2.0
//
// StringIndex finds the first offset of a text in the string section of a
// request, which may grow. It is built at the first use; Add() then adds new
// strings. It does not own the section: the caller passes it to each call.
//
// Everybody knows the hash that callers pass, so somebody can make many texts
// with one hash. If too many texts share a place, the index changes to a secret
// hash. Its answers do not depend on that.
#ifndef BTFD_LIB_BTF_STRING_INDEX_H_
#define BTFD_LIB_BTF_STRING_INDEX_H_

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/btf/probe_table.h"

namespace btfd::btf {

// The number of NULs in a section. If the section is empty or ends in NUL, that
// is the number of its strings.
uint64_t CountStrings(absl::string_view section);

// HasLongTexts() with this window calls texts of up to about twice this length
// short. The kernel's longest symbols have 511 characters.
inline constexpr size_t kTextWindow = 512;

// False if each text in a section is shorter than 2 * window bytes; true if
// some text is that long or nearly. An end of another string counts as a text,
// too. Looks at some bytes of each window only.
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

  // Indexes all whole strings of a section. Of equal ones, the first one
  // counts. Precondition: the section is empty or ends in NUL.
  void Build(absl::string_view section);
  // Offset of the whole string that equals `text`. Precondition: built().
  std::optional<uint32_t> Find(absl::string_view section,
                               absl::string_view text, uint64_t hash) const;
  // Indexes the string at `offset`. Preconditions: built(); it is the section's
  // last string; Find() did not find it before.
  void Add(absl::string_view section, uint32_t offset, uint64_t hash);

 private:
  uint64_t HashOf(absl::string_view text, uint64_t hash) const;
  // True if a text lies too far from the slot that its hash names.
  bool IsCrowded(uint32_t slot, uint64_t hash) const;
  bool TryBuild(absl::string_view section);

  std::pmr::vector<uint32_t> slots_;  // values are offset + 1
  ProbeShape shape_;
  uint32_t count_ = 0;
  bool secret_ = false;  // hashes that callers pass are ignored
};

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_STRING_INDEX_H_
