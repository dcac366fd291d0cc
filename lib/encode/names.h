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

namespace btfd::encode {

// 0: no name, or the empty one.
using NameId = uint32_t;

// Not thread-safe.
class NameTable {
 public:
  // `object` must outlive it: texts stay where they are.
  explicit NameTable(const dwarf::Object& object);

  // The number of a DIE's text. On trouble 0, and status() tells.
  NameId Of(const dwarf::Value& value) { return Finish(Start(value)); }

  // The same in two steps. Nearly every text is looked up in a table as large
  // as .debug_str, at a random place: a reader that first collects what Start()
  // gives can have these places fetched (Prefetch()) while it goes over what it
  // collected with Finish(). On a vmlinux this took a third of the time.
  using Started = uint32_t;  // 0: no text
  Started Start(const dwarf::Value& value) {
    if (value.type == dwarf::ValueClass::kString &&
        value.number < by_offset_size_) {
      return static_cast<Started>(value.number) + 1;
    }
    return Slow(value) | kIsName;
  }
  // What Finish() gives `name` for.
  static Started Done(NameId name) { return name | kIsName; }
  void Prefetch(Started started) const {
    if ((started & kIsName) == 0 && started != 0) {
      __builtin_prefetch(&by_offset_[started - 1]);
    }
  }
  NameId Finish(Started started) {
    if ((started & kIsName) != 0) return started & ~kIsName;
    if (started == 0) return 0;
    const uint32_t known = by_offset_[started - 1];
    return known != 0 ? known - 1 : AtOffset(started - 1);
  }
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
  static constexpr Started kIsName = 0x80000000;

  NameId Slow(const dwarf::Value& value);
  NameId AtOffset(uint32_t offset);
  void Grow();

  const dwarf::Object& object_;
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
