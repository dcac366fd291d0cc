// SPDX-License-Identifier: Apache-2.0
//
// Reads the units of a file into graphs, several at once where there are
// threads for it, and gives them in the order of the file.
//
// Reading a unit shares nothing with reading another; encoding does, and is
// done in order by the caller's thread. A caller that would have to wait reads
// the next unit itself. So the result does not depend on the number of threads.
#ifndef BTFD_LIB_ENCODE_UNIT_READER_H_
#define BTFD_LIB_ENCODE_UNIT_READER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "lib/dwarf/object.h"
#include "lib/dwarf/unit.h"
#include "lib/encode/loader.h"
#include "lib/encode/rules.h"
#include "lib/encode/unit_graph.h"
#include "lib/util/threads.h"

namespace btfd::encode {

// Called with bytes of the file that are not needed soon, so that whoever
// mapped it may give the pages back. They stay readable. May be null.
using GiveBackFn = std::function<void(absl::string_view)>;

// So many bytes of DIEs are passed before their pages are given back.
inline constexpr uint64_t kGiveBackEvery = 2 << 20;

struct LoadedUnit {
  dwarf::Unit unit;
  bool present = false;  // it has a DIE, and its language is not left out
  UnitGraph graph;       // of this unit alone
};

class UnitReader {
 public:
  // All must outlive it. `units` come from ReadUnitHeaders(). A relocatable
  // file is read by one thread, whatever `threads` says: it is small, and the
  // cursor over its relocations is shared.
  UnitReader(const dwarf::Object& object, const Rules& rules,
             const Features& features,
             const std::vector<uint16_t>& excluded_languages,
             std::vector<dwarf::Unit> units, int threads);
  ~UnitReader();

  // The next unit, or null behind the last one. It is the reader's, and valid
  // until the next call. Errors as of Loader::Load(), in the order of the file.
  absl::StatusOr<LoadedUnit*> Next();

 private:
  struct Slot {
    LoadedUnit loaded;
    dwarf::AbbrevTable abbrevs;
    absl::Status status;
    bool ready = false;
  };

  void Work();
  // Takes the next unit that nobody reads, if there is room for it.
  bool Claim(size_t* index) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Read(size_t index);

  const dwarf::Object& object_;
  const Rules& rules_;
  const Features& features_;
  const std::vector<uint16_t>& excluded_languages_;
  const std::vector<dwarf::Unit> units_;
  std::vector<std::unique_ptr<Slot>>
      slots_;  // of unit i: i modulo their number

  absl::Mutex mutex_;
  size_t claimed_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t given_ ABSL_GUARDED_BY(mutex_) = 0;  // to the caller, and done with
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  size_t next_ = 0;
  util::Threads threads_;  // fewer than asked for if a limit allows no more
};

// The headers of all units of .debug_info.
absl::StatusOr<std::vector<dwarf::Unit>> ReadUnitHeaders(
    const dwarf::Object& object, const GiveBackFn& give_back);

// Reads the unit's own DIE and completes `unit`. False where the unit has none.
// Unimplemented for type units, partial units and skeleton units.
absl::StatusOr<bool> OpenUnit(const dwarf::Object& object,
                              dwarf::AbbrevTable* abbrevs, dwarf::Unit* unit);

}  // namespace btfd::encode

#endif  // BTFD_LIB_ENCODE_UNIT_READER_H_
