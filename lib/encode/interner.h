// SPDX-License-Identifier: Apache-2.0
//
// Which types of a unit need to be made, given what earlier units made.
//
// Thousands of units include the same headers: of the five million types of a
// vmlinux, 98 % are copies, which deduplication would find and drop. Here they
// are not made to begin with, under one condition: what deduplication gives in
// the end must be the same, byte for byte.
//
// Each type of a unit has a *class*, a number that equal types of all units
// share. A named struct, union or enum is its kind and its name; any other type
// is its content, in terms of the classes of the types that it refers to. Of a
// class that is met again nothing is made, and what refers to it refers to the
// first one. Example: unit 1 has `struct a { struct b *next; }` and `struct b
// { int x; }`; so has unit 2. All six types of unit 2 have known classes:
// struct a, struct b, int, and the pointer to (struct b).
//
// A name does not say all. Three cases keep the promise:
//
// * Another definition of a name. Where a unit's `struct b` has other members
//   than the first, it and all types of the unit that reach it are told apart
//   from the first ones by a *mark* in their classes: the set of names that
//   have other definitions in that unit. Two units with the same set share.
//
// * Forward declarations. `struct b;` in unit 2 is a class of its own, and so
// is
//   a pointer to it. A struct whose members differ from the first one's only in
//   whether such a struct is defined is the same struct; but deduplication
//   learns from the pair which definition the forward stands for. So the first
//   struct that shows a pair is made, a *witness*; others are not.
//
// * Names that mean two things, cut by a forward. A struct that has two
//   definitions may match the one or the other if the types that tell them
//   apart are only declared in this unit. Which it is depends on the order of
//   candidates, so all that reaches such a forward is made, as it is.
#ifndef BTFD_LIB_ENCODE_INTERNER_H_
#define BTFD_LIB_ENCODE_INTERNER_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "lib/encode/builder.h"
#include "lib/encode/rules.h"
#include "lib/encode/types.h"
#include "lib/encode/unit_graph.h"

namespace btfd::encode {

using ClassId = uint32_t;

// Sequences of words as numbers: equal ones have equal numbers.
class WordTable {
 public:
  WordTable();
  // 0 is never given.
  uint32_t Intern(const uint32_t* words, size_t count, bool* is_new);
  absl::Span<const uint32_t> words(uint32_t id) const {
    return {&words_[places_[id]], places_[id + 1] - places_[id]};
  }
  size_t size() const { return places_.size() - 1; }

 private:
  void Grow();

  const uint64_t secret_;
  std::vector<uint32_t> words_;
  std::vector<uint32_t> places_;
  std::vector<uint32_t> hashes_;
  std::vector<uint32_t> slots_;
};

// Not thread-safe.
class Interner {
 public:
  explicit Interner(const Rules& rules) : rules_(rules) { classes_.Init(); }

  // Says what to make of a unit whose first type will be `next`. Unimplemented
  // for types that are nested too deep, or in a circle without a name.
  absl::Status Plan(const UnitGraph& graph, BtfId next, TypePlan* plan);

  // Counted for whoever looks for where time goes.
  struct Stats {
    uint64_t marked_units = 0;
    uint64_t cut_units = 0;
    uint64_t marked_types = 0;
    uint64_t cut_types = 0;
    uint64_t witnesses = 0;
  };
  const Stats& stats() const { return stats_; }

 private:
  // What is known of a class. A type's class tells forwards from definitions;
  // `merged` is the class that does not.
  struct Class {
    ClassId merged = 0;
    BtfId made = 0;                 // the first one's id, once it was made
    uint32_t unit_definition = 0;   // in which unit it was last defined, and
    uint32_t definition_node = 0;   // by which node
    bool ambiguous = false;         // has more than one definition, or reaches
                                    // a class that has
    bool forward_merged = false;    // of a forward: a witness was made
    uint32_t first_definition = 0;  // in definitions_, of a named one; 0: none
  };
  // One content of a named struct, union or enum.
  struct Definition {
    uint32_t place;  // in definition_words_
    uint32_t count;
    BtfId made;
    uint32_t next;   // another definition of the same class; 0: none
    uint32_t index;  // among them
  };
  struct Classes {
    void Init() { known.emplace_back(); }
    WordTable table;
    std::vector<Class> known;
  };

  ClassId Cons(const uint32_t* words, size_t count);
  ClassId NamedClass(uint32_t tag, NameId name);
  bool ClassOf(const UnitGraph& graph, uint32_t node, int depth);
  ClassId ClassAt(const UnitGraph& graph, uint32_t node, int depth);
  bool IsNamed(const TypeNode& node) const {
    return node.name != 0 &&
           (node.kind == TypeKind::kStruct || node.kind == TypeKind::kUnion ||
            node.kind == TypeKind::kEnum);
  }
  void Body(const UnitGraph& graph, const TypeNode& node);
  bool SameWords(const Definition& definition) const;
  bool SameMerged(const Definition& definition) const;
  uint32_t FindDefinition(ClassId id, bool* exact);
  uint32_t AddDefinition(ClassId id);
  bool IsNewPair(const Definition& definition);
  bool NewPairs(ClassId a, ClassId b);
  // Spreads `reached_` to all that refers to a type that is in it.
  void Spread(const UnitGraph& graph);
  void FindSpecial(const UnitGraph& graph);
  ClassId Marked(ClassId id, uint32_t mark);

  const Rules& rules_;
  Classes classes_;
  std::vector<Definition> definitions_{1};
  std::vector<uint32_t> definition_words_;
  uint32_t unit_ = 0;
  uint32_t next_private_mark_ = 0;
  WordTable marks_;

  // Of the unit at hand, by node.
  std::vector<ClassId> class_of_;
  std::vector<uint32_t> definition_of_;
  std::vector<uint8_t> reached_;
  std::vector<uint32_t> body_;
  std::vector<uint32_t> key_;
  std::vector<uint32_t> special_;  // nodes that marks start from
  std::vector<uint32_t> cut_;      // forwards of names that mean two things
  std::vector<uint32_t> other_;    // nodes with another definition
  bool unsupported_ = false;
  Stats stats_;
};

}  // namespace btfd::encode

#endif  // BTFD_LIB_ENCODE_INTERNER_H_
