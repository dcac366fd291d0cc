// SPDX-License-Identifier: Apache-2.0
//
// Open names: as the loader leaves them, so that loading shares nothing with
// other threads. 0 is no name; else it is the offset in .debug_str and one, or
// kOtherText with an index into UnitGraph::other_texts. Finishing makes a
// NameId of it, in place.
//
// Half of all names are of members, and nearly all members are copies of those
// of a unit before. Looking their texts up was a fifth of the run. So the names
// of members may stay open: Interner compares them with those of the type that
// it knows, which takes a quarter of the time. In a linked file equal texts
// have mostly equal offsets; in a relocatable one, texts are compared.
#ifndef BTFD_LIB_ENCODE_OPEN_NAMES_H_
#define BTFD_LIB_ENCODE_OPEN_NAMES_H_

#include "absl/strings/string_view.h"
#include "lib/encode/names.h"
#include "lib/encode/unit_graph.h"

namespace btfd::encode {

// Finishes the names of `graph`. If `leave_members`, those of members and
// enumerators stay open where their type has a name: TypeNode::open_members.
// What is wrong with a text, NameTable::status() tells.
void FinishNames(bool leave_members, UnitGraph* graph, NameTable* names);

// Finishes what is open of one type.
void FinishMembers(UnitGraph* graph, TypeNode* node, NameTable* names);

// Whether the text of an open name is `text`, which has no NUL. No name is the
// empty text. False for a text that is defective.
bool IsText(const UnitGraph& graph, NameId open, absl::string_view text,
            const NameTable& names);

}  // namespace btfd::encode

#endif  // BTFD_LIB_ENCODE_OPEN_NAMES_H_
