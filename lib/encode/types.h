// SPDX-License-Identifier: Apache-2.0
//
// Records of a unit's types.
#ifndef BTFD_LIB_ENCODE_TYPES_H_
#define BTFD_LIB_ENCODE_TYPES_H_

#include <cstdint>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "lib/encode/builder.h"
#include "lib/encode/names.h"
#include "lib/encode/rules.h"
#include "lib/encode/unit_graph.h"

namespace btfd::encode {

// Which types of a unit are made, and what stands for each.
struct TypePlan {
  // By index. An id may be that of a type of an earlier unit.
  std::vector<BtfId> ids;
  std::vector<bool> made;
};

// How many records a type takes: none for an unspecified one, one for each
// dimension of an array from 1.32 on.
inline uint32_t RecordCount(const TypeNode& node, const Rules& rules) {
  if (node.kind == TypeKind::kUnspecified) return 0;
  if (node.kind == TypeKind::kArray && rules.arrays_nest && node.count > 1) {
    return node.count;
  }
  return 1;
}

// Makes records. FailedPrecondition, in pahole's words, for what it and libbpf
// refuse: its whole run fails then.
class TypeEncoder {
 public:
  TypeEncoder(const Rules& rules, const Features& features, NameTable* names,
              Builder* builder);

  // Every type of the unit is made: ids in order.
  void PlanAll(const UnitGraph& graph, TypePlan* plan) const;
  // Makes what the plan says, in order, and the decl tags of these types.
  absl::Status Encode(const UnitGraph& graph, const TypePlan& plan);

 private:
  void FindIndexType(const UnitGraph& graph, const TypePlan& plan);
  absl::Status EncodeNode(const UnitGraph& graph, const TypeNode& node,
                          const TypePlan& plan);
  absl::Status Base(const TypeNode& node);
  absl::Status Composite(const UnitGraph& graph, const TypeNode& node,
                         const TypePlan& plan);
  absl::Status Enumeration(const UnitGraph& graph, const TypeNode& node);
  void Array(const UnitGraph& graph, const TypeNode& node,
             const TypePlan& plan);
  void Prototype(const UnitGraph& graph, const TypeNode& node,
                 const TypePlan& plan);
  absl::Status Refused(const TypeNode& node, absl::string_view what) const;

  const Rules& rules_;
  const Features& features_;
  NameTable* const names_;
  Builder* const builder_;
  const NameId int_;
  // Of arrays: one id for the whole run, which is known, or foreseen, when the
  // first unit that has an array or an `int` is made.
  BtfId index_type_ = 0;
  bool index_type_known_ = false;
  bool index_type_used_ = false;
  // Owner, text and component of the tags that were made.
  absl::flat_hash_set<std::tuple<BtfId, NameId, int32_t>> made_tags_;
};

}  // namespace btfd::encode

#endif  // BTFD_LIB_ENCODE_TYPES_H_
