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
// A name does not say all. Two cases keep the promise:
//
// * Another definition of a name. Where a unit's `struct b` has other members
//   than the first, it and all types of the unit that reach it are told apart
//   from the first ones by a *mark* in their classes: which names have which
//   other definitions in that unit. Two units with the same mark share.
//
// * Forward declarations. `struct b;` in unit 2 is a class of its own, and so
//   is a pointer to it. A struct whose members differ from the first one's only
//   in whether such a struct is defined is the same struct, and is not made
//   again. Deduplication would have learned from the pair which definition the
//   forward stands for. Without the pair, the forward is resolved by its name.
//   That is the same as long as one definition has the name, in this file and
//   in the base, and the base has no forward of it.
//
// What the base has to say:
//
// * It declares `struct b;`, and unit 2 defines it. A type that reaches the
//   definition is not the base's type of its name. The same type of unit 1,
//   where `b` is declared only, may be. So types that reach such definitions
//   get a mark as well, which says which of the names the unit defines. Where
//   one type gets two such marks, as its units define other ones, uncertain().
//
// * It has two definitions of a name that this file defines. Then a copy could
//   be found equal to another one of them than the first was. uncertain().
//
// Where a name turns out to mean two things although its forwards were taken
// for equal, uncertain() says so, and the file is encoded once more with all
// its types. Whether base and result together have two definitions of a name
// is only known at the end: whoever has the base gets the forwards, and judges
// (Forwards(), lib/engine/interning_check.h). UNCERTAIN_COUNT
//
// Tried: to tell all forwards from definitions in their classes. Then each
// struct that reaches one has two definitions, and nearly each file is
// uncertain.
#ifndef BTFD_LIB_ENCODE_INTERNER_H_
#define BTFD_LIB_ENCODE_INTERNER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "lib/encode/builder.h"
#include "lib/encode/next_guess.h"
#include "lib/encode/rules.h"
#include "lib/encode/types.h"
#include "lib/encode/unit_graph.h"
#include "lib/util/work_budget.h"

namespace btfd::encode {

using ClassId = uint32_t;

// What an encoder has to know of the base.
struct BaseNames {
  std::vector<std::string> declared;  // of its forward declarations
  std::vector<std::string> repeated;  // of more than one struct or union
};

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
  uint32_t InternByHash(const uint32_t* words, size_t count, bool* is_new);
  void Grow();

  NextGuess next_;
  const uint64_t secret_;
  std::vector<uint32_t> words_;
  std::vector<uint32_t> places_;
  std::vector<uint32_t> hashes_;
  std::vector<uint32_t> slots_;
};

// Not thread-safe.
class Interner {
 public:
  // Comparing definitions of one name is paid from `work`.
  Interner(const Rules& rules, NameTable* names, util::WorkBudget* work)
      : rules_(rules), names_(names), work_(work) {
    classes_.Init();
  }

  // Says what to make of a unit whose first type will be `next`. Unimplemented
  // for types that are nested too deep, or in a circle without a name;
  // ResourceExhausted where the work is more than the budget.
  // The names of the graph's members may be open; those of what is made are
  // finished then.
  absl::Status Plan(BtfId next, UnitGraph* graph, TypePlan* plan);

  // Names that mean more to deduplication in the base than one definition.
  // Before the first Plan().
  void SetBaseNames(const BaseNames& base, NameTable* names);
  // Whether it is not certain for the units so far that interning makes no
  // difference: then all is to be made.
  bool uncertain() const { return uncertain_; }
  // The forward declarations that were made of a name that some unit defines.
  std::vector<BtfId> Forwards() const;

  // Counted for whoever looks for where time goes.
  struct Stats {
    uint64_t marked_units = 0;
    uint64_t special_units = 0;
    uint64_t marked_types = 0;
  };
  const Stats& stats() const { return stats_; }

 private:
  // What is known of a class. A type's class tells forwards from definitions;
  // `merged` is the class that does not.
  struct Class {
    ClassId merged = 0;
    // The first one's id, once it was made. Of a named definition: whether
    // there is one.
    BtfId made = 0;
    uint32_t unit_definition = 0;  // in which unit it was last defined, and
    uint32_t definition_node = 0;  // by which node
    bool watched = false;          // forwards of it make marks
    bool base_declares = false;    // see SetBaseNames()
    bool base_repeats = false;
    uint32_t base_mark = 0;         // a mark of such names alone; 0: none yet
    bool forward_seen = false;      // one did not
    bool split = false;             // was made with a forward below it, marked
    uint32_t first_definition = 0;  // in definitions_, of a named one; 0: none
  };
  // One content of a named struct, union or enum.
  struct Definition {
    uint32_t place;  // in definition_words_
    uint32_t count;
    BtfId made;
    uint32_t next;   // another definition of the same class; 0: none
    uint32_t index;  // among them
    uint32_t texts;  // in member_texts_ or member_names_; 0: not there
  };
  struct Classes {
    void Init() { known.emplace_back(); }
    WordTable table;
    std::vector<Class> known;
  };

  ClassId Cons(const uint32_t* words, size_t count);
  // The same for the classes that most types are of, without hashing.
  ClassId ReferenceClass(TypeKind kind, ClassId target);
  ClassId NamedClass(uint32_t tag, NameId name);
  bool ClassOf(const UnitGraph& graph, uint32_t node, int depth);
  ClassId ClassAt(const UnitGraph& graph, uint32_t node, int depth);
  void Body(UnitGraph* graph, TypeNode* node);
  bool SameWords(const Definition& definition) const;
  bool IsNode(const Definition& definition, const UnitGraph& graph,
              const TypeNode& node) const;
  bool IsOpenNode(const Definition& definition, const UnitGraph& graph,
                  const TypeNode& node) const;
  // What open names are compared with, of the names in body_ and body_names_:
  // Definition::texts.
  uint32_t AddTexts();
  uint32_t AddNames();
  bool SameMerged(const Definition& definition) const;
  uint32_t FindDefinition(ClassId id);
  uint32_t AddDefinition(ClassId id);
  uint32_t DefinitionFor(uint32_t node, ClassId id, UnitGraph* graph);
  absl::Status FindClasses(const UnitGraph& graph);
  void FindNamed(UnitGraph* graph);
  void FindOthers(UnitGraph* graph);
  void FindDeclaredByBase();
  void FindMarks(const UnitGraph& graph);
  void Watch(Class* known);
  // Sets `reached_` for the types that refer to one of `from`, and these.
  void Spread(const UnitGraph& graph, const std::vector<uint32_t>& from);
  ClassId Marked(ClassId id, uint32_t mark);

  const Rules& rules_;
  NameTable* const names_;
  util::WorkBudget* const work_;
  Classes classes_;
  // By kind and target; by tag and name. kNotAsked where there is none yet.
  std::vector<ClassId> reference_classes_[4];
  std::vector<ClassId> named_classes_[6];
  std::vector<Definition> definitions_{1};
  std::vector<uint32_t> definition_words_;
  // Of first definitions. In a relocatable file, for each member the length of
  // its name, in one byte, and the name; the first byte is of none. In a linked
  // file, where units share their texts, the open name; the first one is of
  // none.
  std::string member_texts_ = std::string(1, '\0');
  std::vector<NameId> member_names_ = {0};
  uint32_t unit_ = 0;
  // Of the last unit that marked forwards.
  uint32_t last_state_ = 0;
  uint32_t last_mark_ = 0;
  uint32_t next_private_mark_ = 0;
  WordTable marks_;
  bool uncertain_ = false;

  // Of the unit at hand, by node.
  std::vector<ClassId> class_of_;
  std::vector<uint32_t> definition_of_;
  std::vector<uint8_t> reached_;
  std::vector<uint32_t> mark_of_;  // empty: there are none
  // Nodes of the unit at hand.
  std::vector<uint32_t> defined_;   // named structs, unions and enums
  std::vector<uint32_t> forwards_;  // forward declarations of such
  std::vector<uint32_t> from_;      // what marks start from
  std::vector<uint32_t> special_;  // what a mark of this unit alone starts from
  bool from_forwards_ = false;
  bool marks_by_base_alone_ = false;
  // Scratch.
  std::vector<uint32_t> starts_;
  std::vector<uint32_t> users_;
  std::vector<uint32_t> body_;
  std::vector<NameId> body_names_;  // as they were open; empty: they were not
  std::vector<uint32_t> key_;
  bool unsupported_ = false;
  Stats stats_;
};

}  // namespace btfd::encode

#endif  // BTFD_LIB_ENCODE_INTERNER_H_
