// SPDX-License-Identifier: Apache-2.0
#include "lib/encode/open_names.h"

#include <vector>

#include "absl/types/span.h"

namespace btfd::encode {

namespace {

NameId Finished(const UnitGraph& graph, NameId open, NameTable* names) {
  if (open == 0) return 0;
  if ((open & kOtherText) != 0) {
    return names->Of(graph.other_texts[open & ~kOtherText]);
  }
  dwarf::Value value;
  value.type = dwarf::ValueClass::kString;
  value.number = open - 1;
  return names->Of(value);
}

// Lists the names that are offsets in .debug_str, and finishes the others. What
// stays open is left alone.
void ListOffsets(UnitGraph* graph, NameTable* names,
                 std::vector<NameId*>* offsets) {
  offsets->clear();
  const auto one = [&](NameId* name) {
    if (*name == 0) return;
    if ((*name & kOtherText) != 0) {
      *name = Finished(*graph, *name, names);
    } else {
      offsets->push_back(name);
    }
  };
  for (TypeNode& node : graph->types) {
    one(&node.name);
    if (node.open_members) continue;
    if (!HasMembers(node) && node.kind != TypeKind::kEnum) continue;
    for (uint32_t i = 0; i < node.count; ++i) one(MemberName(node, i, graph));
  }
  for (ParameterNode& node : graph->parameters) one(&node.name);
  for (FunctionNode& node : graph->functions) one(&node.name);
  for (VariableNode& node : graph->variables) one(&node.name);
  for (DeclTagNode& tag : graph->decl_tags) one(&tag.value);
}

}  // namespace

void FinishNames(bool leave_members, UnitGraph* graph, NameTable* names) {
  if (leave_members) {
    for (TypeNode& node : graph->types) {
      node.open_members = IsNamed(node) && node.count != 0;
    }
  }
  std::vector<NameId*>& offsets = graph->listed_names;
  ListOffsets(graph, names, &offsets);
  for (NameId* const name : offsets) --*name;
  names->AtOffsets(absl::MakeSpan(offsets));
  if (!leave_members) return;
  for (TypeNode& node : graph->types) {
    // Its name is an empty text.
    if (node.open_members && node.name == 0) FinishMembers(graph, &node, names);
  }
}

void FinishMembers(UnitGraph* graph, TypeNode* node, NameTable* names) {
  if (!node->open_members) return;
  node->open_members = false;
  for (uint32_t i = 0; i < node->count; ++i) {
    NameId* const name = MemberName(*node, i, graph);
    *name = Finished(*graph, *name, names);
  }
}

bool IsText(const UnitGraph& graph, NameId open, absl::string_view text,
            const NameTable& names) {
  if (open == 0) return text.empty();
  if ((open & kOtherText) == 0) return names.IsAt(open - 1, text);
  const absl::StatusOr<absl::string_view> other =
      dwarf::TextOf(names.object(), graph.other_texts[open & ~kOtherText]);
  return other.ok() && *other == text;
}

}  // namespace btfd::encode
