// SPDX-License-Identifier: Apache-2.0
//
// Texts as numbers: equal texts have equal numbers, so that types are compared
// without looking at names.
//
// A small table by offset in .debug_str remembers what was looked up last: a
// unit asks for most of its texts many times. Tried: one entry for each offset.
// In a module, where each unit has its own texts, that was 51 MB for xfs, and
// the page faults of it were a fifth of the run.
#ifndef BTFD_LIB_ENCODE_NAMES_H_
#define BTFD_LIB_ENCODE_NAMES_H_

#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "lib/dwarf/object.h"
#include "lib/dwarf/unit.h"
#include "lib/encode/next_guess.h"
#include "lib/util/work_budget.h"

namespace btfd::encode {

// 0: no name, or the empty one.
using NameId = uint32_t;

// Not thread-safe.
class NameTable {
 public:
  // `object` must outlive it.
  // Reading texts is paid from `work`: a table of strings can be made so that
  // each byte of it starts another long text.
  NameTable(const dwarf::Object& object, util::WorkBudget* work);

  // The number of a DIE's text. On trouble 0, and status() tells.
  NameId Of(const dwarf::Value& value);
  // The same for texts of .debug_str: each of `names` is an offset before and
  // the number after. All of a unit at once. In a relocatable file a unit has
  // its texts to itself, side by side: each is read once, in the order in which
  // they lie. A linked file has one table for all units: there some texts are
  // fetched side by side, since each look at that table is one at a random
  // place of memory. Waiting for these took a third of the run.
  void AtOffsets(absl::Span<NameId* const> names);

  // The text is copied.
  NameId Intern(absl::string_view text);
  // 0 if it was never interned.
  NameId Find(absl::string_view text);

  // Whether the text at an offset of .debug_str is `text`, which has no NUL.
  bool IsAt(uint32_t offset, absl::string_view text) const {
    const absl::string_view texts = object_.str.content;
    return offset < texts.size() && texts.size() - offset > text.size() &&
           texts[offset + text.size()] == '\0' &&
           memcmp(texts.data() + offset, text.data(), text.size()) == 0;
  }

  const dwarf::Object& object() const { return object_; }
  absl::string_view text(NameId id) const { return texts_[id]; }
  size_t size() const { return texts_.size(); }
  const absl::Status& status() const { return status_; }

 private:
  // Texts with equal hashes are taken for equal. 96 bits, from a secret: among
  // ten million texts two different ones have equal hashes with a probability
  // of 2^-50, whatever the texts are.
  struct Hash {
    uint64_t low = 0;
    uint32_t high = 0;
  };
  struct Slot {
    uint32_t hash = 0;  // the first bits of it, but for those of the place
    NameId name = 0;    // 0: the slot is free
  };
  Hash HashOf(absl::string_view text) const;
  bool Has(NameId name, const Hash& hash) const {
    return hashes_[name].low == hash.low && hashes_[name].high == hash.high;
  }
  static uint32_t SlotHash(const Hash& hash) {
    return static_cast<uint32_t>(hash.low >> 32);
  }
  // The slot of a text, or the free one where it would be.
  Slot& Find(const Hash& hash);
  NameId Intern(const Hash& hash, absl::string_view text);
  // The text itself if it is to be looked at later in the file, else a copy.
  // Pages of the file that were given back come back with a look, 16 at once: a
  // third of the memory of a module, and a sixth of a vmlinux's. The texts that
  // all units of a linked file share are not given back.
  absl::string_view Kept(absl::string_view text);
  // AtOffsets() for names whose texts, from `first` on, lie in `length` bytes.
  void AtOffsetsInOrder(uint32_t first, uint32_t length,
                        absl::Span<NameId* const> names);
  void AtOffsetsSideBySide(absl::Span<NameId* const> names);
  // The name of a text of .debug_str, known by its hash.
  NameId Guess(const Hash& hash, uint32_t offset);
  // The text at an offset of .debug_str, and its price. Empty on trouble.
  absl::string_view TextAt(const dwarf::Value& value);
  absl::string_view TextAt(uint32_t offset);  // of .debug_str
  // Texts are four bytes long or more, mostly.
  size_t PlaceOf(uint32_t offset) const {
    return (offset >> 2) & (remembered_.size() - 1);
  }
  void Grow();

  static constexpr size_t kCopiesAtOnce = 16 << 10;

  const dwarf::Object& object_;
  util::WorkBudget* const work_;
  const uint64_t secret_;
  // What AtOffsets() found last.
  struct Remembered {
    uint32_t offset;
    NameId name;
  };
  std::vector<Remembered> remembered_;  // as many as a power of two
  // Scratch of AtOffsetsInOrder(). Of each place from the first text on a bit,
  // whether a text is wanted, and if so, which of `texts` it is.
  struct WantedText {
    Hash hash;
    NameId name = 0;
    bool is_known = false;
  };
  struct Wanted {
    std::vector<uint64_t> bits;
    std::vector<uint16_t> index;
    std::vector<WantedText> texts;
  };
  Wanted wanted_;
  NextGuess next_;
  // Of texts in .debug_info, which are a few bytes long: by their bytes.
  struct ShortText {
    uint32_t bytes = 0;
    NameId name = 0;
  };
  std::vector<ShortText> short_texts_;
  std::vector<absl::string_view> texts_;
  std::vector<Hash> hashes_;
  std::vector<Slot> slots_;  // linear probing, as many as a power of two
  std::pmr::monotonic_buffer_resource copies_{kCopiesAtOnce};
  absl::Status status_;
};

}  // namespace btfd::encode

#endif  // BTFD_LIB_ENCODE_NAMES_H_
