// SPDX-License-Identifier: Apache-2.0
//
// Pairs of types that graph comparisons meet, and what each leads to, kept from
// one comparison to the next. Internal to dedup.
#ifndef BTFD_LIB_ENGINE_DEDUP_COMPARE_PAIR_GRAPH_H_
#define BTFD_LIB_ENGINE_DEDUP_COMPARE_PAIR_GRAPH_H_

#include <cstdint>
#include <memory_resource>
#include <vector>

#include "lib/engine/dedup/compare/records.h"
#include "lib/engine/dedup/state.h"
#include "lib/util/probe_map.h"

namespace btfd::engine::dedup {

// Number of a pair; a PairGraph counts them from 1.
using PairId = uint32_t;
inline constexpr PairId kNoPair = 0;

// Whether a comparison that succeeds and accepts a pair must have assumed it,
// as far as that never changes; see learning_refute.cc.
enum class Pin : uint8_t { kNotAsked, kFree, kPinned };

// A type of the candidate side, paired with one of the canonical side.
struct Pair {
  TypeId candidate;
  uint32_t slot;     // of the canonical type
  PairId next;       // with the same canonical type
  uint32_t parts;    // index of the first part
  uint32_t end;      // of the parts
  uint32_t uses;     // index of the last part that is this pair, or 0
  uint32_t walk;     // the comparison that has assumed it last
  uint16_t checked;  // version in which `settled` was found out
  RecordEquality record_equality;  // once it is opened
  bool opened : 1;                 // the records were looked at
  bool settled : 1;    // both sides have the same root: nothing to compare
  bool refuted : 1;    // no comparison that succeeds assumes it
  bool relied_on : 1;  // something was concluded from its not being settled
  bool spread : 1;     // what it is a part of is refuted as well
  bool tried : 1;      // it was compared for the answer alone
  Pin pin : 2;
};

// One type of the canonical side.
struct CanonicalSlot {
  TypeId canonical;
  PairId first;         // its pairs
  uint32_t walk;        // the comparison that has assumed one of them last
  PairId assumed;       // which one
  bool behind_forward;  // among those of behind_forwards_
};

// What is left of the graph once types were mapped.
enum class Upkeep {
  kAll,
  kNothingLearned,  // parts have become other pairs, so no mark holds
  kNothing,
};

class PairGraph {
 public:
  // Of pair `in`, which pair `pair` is a part of. Parts whose sides have the
  // same root are left out.
  struct Part {
    PairId pair;
    PairId in;
    uint32_t next_use;  // index of another part that is the same pair, or 0
  };

  explicit PairGraph(const State* state);

  Pair& operator[](PairId pair) { return pairs_[pair]; }
  const Pair& operator[](PairId pair) const { return pairs_[pair]; }
  CanonicalSlot& slot_of(const Pair& pair) { return slots_[pair.slot]; }
  TypeId canonical(PairId pair) const {
    return slots_[pairs_[pair].slot].canonical;
  }
  const Part& part(uint32_t index) const { return parts_[index]; }

  // The pair; made where it is met for the first time.
  PairId Get(TypeId candidate, TypeId canonical);
  // kNoPair where it was not met yet.
  PairId Find(TypeId candidate, TypeId canonical) const;
  // Looks at the records and lists the parts, unless that was done before.
  void Open(PairId pair);

  // Whether both sides have the same root by now.
  bool IsSettled(PairId id) {
    Pair& pair = pairs_[id];
    if (pair.checked != version_) Check(&pair);
    return pair.settled;
  }
  // To be called after types were mapped.
  Upkeep TypesWereMapped();
  size_t size() const { return pairs_.size(); }
  // Forgets what was learned about pairs.
  void ForgetMarks();
  // Forgets everything.
  void Clear();
  // True once there are so many pairs, in all or of one canonical type, that
  // they are better forgotten.
  bool IsFull() const {
    return is_crowded_ || pairs_.size() > limit_ || parts_.size() > 4 * limit_;
  }

 private:
  void Check(Pair* pair);
  uint32_t RealSlotOf(TypeId canonical, TypeId real);
  bool MoveForwards();
  void AddPart(PairId in, TypeId candidate, TypeId canonical);
  PairId GetInSlot(TypeId candidate, uint32_t slot);
  uint32_t SlotOf(TypeId canonical);

  const State* state_;
  size_t limit_;
  uint16_t version_ = 1;
  bool is_crowded_ = false;
  std::pmr::vector<Pair> pairs_;
  std::pmr::vector<Part> parts_;
  std::pmr::vector<CanonicalSlot> slots_;  // the first is no slot
  std::pmr::vector<uint32_t> own_slots_;   // by own id; 0: none
  std::pmr::vector<uint32_t> forwards_;    // slots of forwards
  // Own types that parts were found to lead to through a forward.
  std::pmr::vector<TypeId> behind_forwards_;
  util::ProbeMap<uint32_t, uint32_t> base_slots_;  // by base id + 1
};

}  // namespace btfd::engine::dedup

#endif  // BTFD_LIB_ENGINE_DEDUP_COMPARE_PAIR_GRAPH_H_
