// SPDX-License-Identifier: Apache-2.0
//
// Texts as numbers: equal texts have equal numbers, so that types are compared
// without looking at names. A text of .debug_str is looked up once for each
// offset, since the linker has merged equal ones mostly.
#ifndef BTFD_LIB_ENCODE_NAMES_H_
#define BTFD_LIB_ENCODE_NAMES_H_

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lib/dwarf/object.h"
#include "lib/dwarf/unit.h"
#include "lib/util/pages.h"
#include "lib/util/work_budget.h"

namespace btfd::encode {

// 0: no name, or the empty one.
using NameId = uint32_t;

// Not thread-safe.
class NameTable {
 public:
  // `object` must outlive it: texts stay where they are.
  // Reading texts is paid from `work`: a table of strings can be made so that
  // each byte of it starts another long text.
  NameTable(const dwarf::Object& object, util::WorkBudget* work);

  // The number of a DIE's text. On trouble 0, and status() tells.
  NameId Of(const dwarf::Value& value);
  // The same for a text of .debug_str.
  NameId AtOffset(uint32_t offset) {
    const uint32_t known = by_offset_[offset];
    return known != 0 ? known - 1 : SlowAtOffset(offset);
  }
  // Lets AtOffset() find its place in the cache: it is a random one of a table
  // as large as .debug_str, and waiting for it took a third of a vmlinux's
  // time.
  void Prefetch(uint32_t offset) const {
    __builtin_prefetch(&by_offset_[offset]);
  }
  // What AtOffset() takes.
  bool HasOffset(uint64_t offset) const { return offset < by_offset_size_; }

  // Of a text that lives as long as this does.
  NameId Intern(absl::string_view text);
  // Of a text that is copied.
  NameId InternCopy(absl::string_view text);
  // 0 if it was never interned.
  NameId Find(absl::string_view text) const;

  absl::string_view text(NameId id) const { return texts_[id]; }
  size_t size() const { return texts_.size(); }
  const absl::Status& status() const { return status_; }

 private:
  NameId SlowAtOffset(uint32_t offset);
  void Grow();

  const dwarf::Object& object_;
  util::WorkBudget* const work_;
  // Of .debug_str: number + 1; 0: not met.
  util::Pages pages_;
  uint32_t* by_offset_;
  size_t by_offset_size_;
  // Of texts in .debug_info, which are a few bytes long: by their bytes.
  struct ShortText {
    uint32_t bytes = 0;
    NameId name = 0;
  };
  std::vector<ShortText> short_texts_;
  std::vector<absl::string_view> texts_;
  std::vector<uint32_t> slots_;   // linear probing, a power of two; 0: free
  std::vector<uint32_t> hashes_;  // by number
  std::deque<std::string> copies_;
  absl::Status status_;
};

}  // namespace btfd::encode

#endif  // BTFD_LIB_ENCODE_NAMES_H_
