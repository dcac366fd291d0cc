// SPDX-License-Identifier: Apache-2.0
//
// The candidates of dedup in the order in which libbpf would visit them: those
// of the base, frozen in its index, and on top the own types that became
// canonical in this run. Internal to dedup.
#ifndef BTFD_LIB_ENGINE_DEDUP_CANDIDATES_H_
#define BTFD_LIB_ENGINE_DEDUP_CANDIDATES_H_

#include <cstdint>
#include <memory_resource>
#include <vector>

#include "lib/btf/dedup_index.h"
#include "lib/btf/format.h"
#include "lib/btf/probe_table.h"
#include "lib/util/work_budget.h"

namespace btfd::engine::dedup {

class Types;

class Candidates {
 public:
  // Look-ups spend of `work` what is in their way.
  Candidates(const btf::DedupIndex* index, const Types* types,
             util::WorkBudget* work, std::pmr::memory_resource* memory);

  // Files an own type that has become canonical.
  void Insert(uint64_t key, btf::TypeId id);
  // The same for an ENUM or ENUM64, which can be asked for by name as well.
  void InsertEnum(uint64_t key, btf::TypeId id);

  // First candidate that equals `type` in every word, or 0.
  btf::TypeId FindRecord(uint64_t key, const btf::TypeRecord& type) const;
  btf::TypeId FindOwnRecord(uint64_t key, const btf::TypeRecord& type) const;

  // The same for a TYPEDEF, where those are filed by their records.
  btf::TypeId FindTypedef(uint64_t key, const btf::TypeRecord& type) const;

  // All that may be filed under the key of a STRUCT, UNION or TYPEDEF, in
  // visiting order; without the base's where it is not to be `with_base`.
  void ListGraphs(uint64_t key, bool with_fingerprints, bool with_base,
                  std::pmr::vector<btf::TypeId>* ids) const;

  // First ENUM or ENUM64 of the name, or 0.
  btf::TypeId FirstEnum(uint32_t name_off) const;
  // Empty ones of that name which are visited before `end` (0: all of them).
  void ListEmptyEnums(uint32_t name_off, btf::TypeId end,
                      std::pmr::vector<btf::TypeId>* ids) const;

 private:
  // A key's own candidates: those visited before the base's, and after. Heads
  // of lists through nodes_, in visiting order; 0 is the empty list.
  struct Sequence {
    uint64_t key;
    uint32_t before = 0;
    uint32_t after = 0;
  };
  struct Node {
    btf::TypeId id;
    uint32_t next;
  };

  void Link(uint64_t key, btf::TypeId id);
  // Index of the key's slot, or of the empty one where it belongs.
  uint32_t Locate(uint64_t key) const;
  const Sequence* Find(uint64_t key) const;
  // First of an own list that is an enum of that name, or 0.
  btf::TypeId FirstEnumOf(uint32_t list, uint32_t name_off) const;
  void Grow();
  void TurnAround();
  uint32_t Reversed(uint32_t list);
  int32_t PositionOf(btf::TypeId id) const;

  const btf::DedupIndex* index_;
  const Types* types_;
  util::WorkBudget* work_;
  btf::CandidateOrder order_;
  std::pmr::vector<uint32_t> slots_;  // values are indices of sequences_
  btf::ProbeShape shape_;
  std::pmr::vector<Sequence> sequences_;
  std::pmr::vector<Node> nodes_;
  std::pmr::vector<int32_t> positions_;  // by own id
};

}  // namespace btfd::engine::dedup

#endif  // BTFD_LIB_ENGINE_DEDUP_CANDIDATES_H_
