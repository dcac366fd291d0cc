// SPDX-License-Identifier: Apache-2.0
//
// Reads the DIEs of a unit into a UnitGraph, and resolves its references.
#ifndef BTFD_LIB_ENCODE_LOADER_H_
#define BTFD_LIB_ENCODE_LOADER_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "lib/dwarf/object.h"
#include "lib/dwarf/unit.h"
#include "lib/encode/names.h"
#include "lib/encode/rules.h"
#include "lib/encode/unit_graph.h"

namespace btfd::encode {

class Loader {
 public:
  // All must outlive it.
  Loader(const dwarf::Object& object, const Rules& rules,
         const Features& features)
      : object_(object), rules_(rules), features_(features) {}

  // Appends what lies below the unit's own DIE to `graph`, whose origin is set.
  // InvalidArgument, naming section and offset, for DWARF that is defective;
  // Unimplemented for what pahole may understand and this does not.
  absl::Status Load(const dwarf::Unit& unit, const dwarf::AbbrevTable& abbrevs,
                    UnitGraph* graph);

  // Turns the targets of types, members, parameters of subroutine types and
  // variables into indexes: 0 where there is none, or none that is known.
  void Resolve(UnitGraph* graph) const;

 private:
  enum class Place { kUnit, kType, kFunction };

  absl::Status status() const;
  bool Next() { return cursor_->Next(&die_); }
  DieOffset Offset(uint64_t place) const {
    return static_cast<DieOffset>(place - graph_->origin);
  }
  // For a DIE that was just read, and that will be in the map.
  void NoteSize() {
    graph_->map.NoteSize(Offset(die_.offset), cursor_->offset() - die_.offset);
  }
  bool NextPlain() { return cursor_->NextPlain(&plain_); }
  DieOffset Reference(dwarf::Slot slot) const;
  // The same of plain_.
  DieOffset PlainReference() const;
  NameId PlainName();
  void PlainMember(bool in_struct, MemberNode* member);
  // A name that FinishNames() is still to see.
  NameId Name(dwarf::Slot slot);
  // An open name that is no offset.
  NameId OtherText(const dwarf::Value& value);
  uint64_t OffsetNumber(dwarf::Slot slot);
  void Add(const TypeNode& node);

  // Each processes the DIE in die_ with all below it.
  void Process(Place place, int depth);
  // The same of plain_.
  void ProcessPlain(int depth);
  void ProcessPlainParent(TypeKind kind, int depth);
  // What die_ says of a type that may have children.
  TypeNode Parent(TypeKind kind);
  void Children(Place place, int depth);
  void Skip() { cursor_->SkipChildren(die_); }
  void Composite(TypeNode node, bool has_children, int depth);
  void Enumeration(TypeNode node, bool has_children);
  void Array(TypeNode node, bool has_children);
  void Subroutine(TypeNode node, bool has_children, int depth);
  void Pointer();
  void Typedef();
  void Plain(TypeKind kind);
  void Subprogram(int depth);
  void Variable(Place place);
  MemberNode Member(bool in_struct, OldBitfield* old);
  ParameterNode Parameter();
  // An annotation: its text, if it is of that name; else 0.
  NameId Annotation(absl::string_view name);
  // The value of a decl tag, if die_ is one and they are made; else 0.
  NameId DeclTag();
  // Calls `add` for each decl tag among the children of die_, and leaves these
  // behind.
  void DeclTagsBelow(absl::FunctionRef<void(NameId value)> add);
  bool TooDeep(int depth);
  void Unsupported(absl::string_view what);

  const dwarf::Object& object_;
  const Rules& rules_;
  const Features& features_;

  const dwarf::Unit* unit_ = nullptr;
  dwarf::DieCursor* cursor_ = nullptr;
  UnitGraph* graph_ = nullptr;
  dwarf::Die die_;
  dwarf::PlainDie plain_;
  std::vector<MemberNode> open_members_;  // of the types around die_
  uint64_t unit_delta_ = 0;               // from the graph's origin to the unit
  absl::Status unsupported_;
  absl::Status status_;
};

}  // namespace btfd::encode

#endif  // BTFD_LIB_ENCODE_LOADER_H_
