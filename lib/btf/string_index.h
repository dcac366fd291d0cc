// SPDX-License-Identifier: Apache-2.0
//
// Text -> first offset, over a growing string section of a request. Built on
// first use and kept up with by Add(). The section itself stays with its owner
// and is handed in with each call.
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

class StringIndex {
 public:
  explicit StringIndex(std::pmr::memory_resource* memory) : slots_(memory) {}

  bool built() const { return !slots_.empty(); }
  void Clear() {
    slots_.clear();
    count_ = 0;
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
  std::pmr::vector<uint32_t> slots_;  // values are offset + 1
  ProbeShape shape_;
  uint32_t count_ = 0;
};

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_STRING_INDEX_H_
