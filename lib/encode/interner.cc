// SPDX-License-Identifier: Apache-2.0
#include "lib/encode/interner.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_format.h"
#include "lib/encode/open_names.h"
#include "lib/util/hash_secret.h"
#include "lib/util/status_macros.h"

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

namespace btfd::encode {

namespace {

// The first word of a class says what the others are.
enum Tag : uint32_t {
  kVoidTag,
  kNamedStruct,     // name
  kNamedUnion,      // name
  kNamedEnum,       // name
  kForwardStruct,   // name
  kForwardUnion,    // name
  kForwardEnum,     // name, and what its record says
  kBaseTag,         // name, size, encoding
  kReference,       // kind of type, class
  kNamedReference,  // kind of type, name, class: typedefs and type tags
  kArrayTag,        // class, dimensions
  kPrototype,       // class, varargs, then (name, class) each
  kAnonymous,       // kind, size, then (name, class, place, bits) each
  kAnonymousEnum,   // size and sign, then (name, low, high) each
  kOther,           // tag of DWARF
  kMark,            // mark, class
};

constexpr int kMostDepth = 2000;
constexpr ClassId kNotAsked = 0xffffffff;
constexpr ClassId kInProgress = 0xfffffffe;
constexpr uint32_t kNone = 0;
// Marks of one unit alone, which no other shares.
constexpr uint32_t kPrivateMarks = 0x80000000;

constexpr size_t kBodyHead = 1;
constexpr size_t kMemberWords = 4;

// Calls `visit` with each place of a key where a class is.
template <typename Visit>
void ForEachClass(absl::Span<const uint32_t> key, Visit visit) {
  switch (key[0]) {
    case kReference:
    case kMark:
      visit(2);
      return;
    case kNamedReference:
      visit(3);
      return;
    case kArrayTag:
      visit(1);
      return;
    case kPrototype:
      visit(1);
      for (size_t i = 4; i < key.size(); i += 2) visit(i);
      return;
    case kAnonymous:
      for (size_t i = 4; i < key.size(); i += kMemberWords) visit(i);
      return;
    default:
      return;
  }
}

uint32_t NamedTag(const TypeNode& node) {
  switch (node.kind) {
    case TypeKind::kStruct:
      return kNamedStruct;
    case TypeKind::kUnion:
      return kNamedUnion;
    default:
      return kNamedEnum;
  }
}

bool IsForward(const TypeNode& node) {
  return node.declaration && node.kind != TypeKind::kEnum;
}

uint32_t EnumHead(const UnitGraph& graph, const TypeNode& node) {
  return (node.has_size ? node.size : 4) << 8 |
         graph.types[node.target].encoding;
}

// Whether deduplication compares it with all that it refers to.
bool IsGraph(const TypeNode& node) {
  return (HasMembers(node) || node.kind == TypeKind::kTypedef) &&
         !IsForward(node);
}

}  // namespace

// --- WordTable ---------------------------------------------------------------

WordTable::WordTable()
    : secret_(util::HashSecret()), places_{0, 0}, hashes_(1), slots_(1024) {}

uint32_t WordTable::Intern(const uint32_t* words, size_t count, bool* is_new) {
  const uint32_t guess = next_.guess();
  if (guess != 0 && places_[guess + 1] - places_[guess] == count &&
      memcmp(&words_[places_[guess]], words, count * sizeof(*words)) == 0) {
    next_.Note(guess);
    *is_new = false;
    return guess;
  }
  const uint32_t id = InternByHash(words, count, is_new);
  next_.Note(id);
  return id;
}

uint32_t WordTable::InternByHash(const uint32_t* words, size_t count,
                                 bool* is_new) {
  const uint32_t hash = static_cast<uint32_t>(
      XXH3_64bits_withSeed(words, count * sizeof(*words), secret_));
  size_t slot = hash & (slots_.size() - 1);
  for (; slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1)) {
    const uint32_t id = slots_[slot];
    if (hashes_[id] == hash && places_[id + 1] - places_[id] == count &&
        memcmp(&words_[places_[id]], words, count * sizeof(*words)) == 0) {
      *is_new = false;
      return id;
    }
  }
  const uint32_t id = static_cast<uint32_t>(size());
  words_.insert(words_.end(), words, words + count);
  places_.push_back(static_cast<uint32_t>(words_.size()));
  hashes_.push_back(hash);
  slots_[slot] = id;
  if (places_.size() * 2 > slots_.size()) Grow();
  *is_new = true;
  return id;
}

void WordTable::Grow() {
  std::vector<uint32_t> slots(slots_.size() * 2);
  for (uint32_t id = 1; id < size(); ++id) {
    size_t slot = hashes_[id] & (slots.size() - 1);
    while (slots[slot] != 0) slot = (slot + 1) & (slots.size() - 1);
    slots[slot] = id;
  }
  slots_.swap(slots);
}

// --- Classes -----------------------------------------------------------------

ClassId Interner::Cons(const uint32_t* words, size_t count) {
  bool is_new;
  const ClassId id = classes_.table.Intern(words, count, &is_new);
  if (!is_new) return id;
  classes_.known.emplace_back();
  classes_.known[id].merged = id;
  // The same with definitions where this has forwards.
  std::vector<uint32_t> key(words, words + count);
  bool differs = false;
  switch (key[0]) {
    case kForwardStruct:
    case kForwardUnion:
    case kForwardEnum:
      key[0] = key[0] == kForwardStruct  ? kNamedStruct
               : key[0] == kForwardUnion ? kNamedUnion
                                         : kNamedEnum;
      key.resize(2);
      differs = true;
      break;
    default:
      ForEachClass(absl::MakeConstSpan(key), [&](size_t at) {
        const ClassId merged = classes_.known[key[at]].merged;
        differs |= merged != key[at];
        key[at] = merged;
      });
  }
  if (differs) {
    const ClassId merged = Cons(key.data(), key.size());
    classes_.known[id].merged = merged;
  }
  return id;
}

ClassId Interner::NamedClass(uint32_t tag, NameId name) {
  std::vector<ClassId>& known = named_classes_[tag - kNamedStruct];
  if (name >= known.size()) {
    known.resize(std::max<size_t>(name + 1, known.size() * 2), kNotAsked);
  }
  if (known[name] == kNotAsked) {
    const uint32_t key[] = {tag, name};
    const ClassId id = Cons(key, 2);
    known[name] = id;
  }
  return known[name];
}

ClassId Interner::ReferenceClass(TypeKind kind, ClassId target) {
  std::vector<ClassId>& known =
      reference_classes_[static_cast<int>(kind) -
                         static_cast<int>(TypeKind::kPointer)];
  if (target >= known.size()) {
    known.resize(std::max<size_t>(target + 1, known.size() * 2), kNotAsked);
  }
  if (known[target] == kNotAsked) {
    const uint32_t key[] = {kReference, static_cast<uint32_t>(kind), target};
    const ClassId id = Cons(key, 3);
    known[target] = id;
  }
  return known[target];
}

ClassId Interner::Marked(ClassId id, uint32_t mark) {
  const uint32_t key[] = {kMark, mark, id};
  return Cons(key, 3);
}

ClassId Interner::ClassAt(const UnitGraph& graph, uint32_t node, int depth) {
  if (class_of_[node] == kNotAsked && !ClassOf(graph, node, depth)) {
    unsupported_ = true;
    return 0;
  }
  if (class_of_[node] == kInProgress) {
    unsupported_ = true;
    return 0;
  }
  return class_of_[node];
}

bool Interner::ClassOf(const UnitGraph& graph, uint32_t index, int depth) {
  if (depth == kMostDepth) return false;
  const TypeNode& node = graph.types[index];
  if (IsNamed(node)) {
    if (IsForward(node)) {
      class_of_[index] = NamedClass(
          node.kind == TypeKind::kUnion ? kForwardUnion : kForwardStruct,
          node.name);
    } else if (node.kind == TypeKind::kEnum && node.count == 0) {
      const uint32_t key[] = {kForwardEnum, node.name,
                              node.has_size ? node.size : 4};
      class_of_[index] = Cons(key, 3);
    } else {
      class_of_[index] = NamedClass(NamedTag(node), node.name);
    }
    return true;
  }
  class_of_[index] = kInProgress;
  // Deeper calls use the same scratch behind this.
  const size_t start = key_.size();
  const auto push = [this](uint32_t word) { key_.push_back(word); };
  switch (node.kind) {
    case TypeKind::kVoid:
    case TypeKind::kUnspecified:
      class_of_[index] = 0;
      return true;
    case TypeKind::kBase:
      push(kBaseTag);
      push(node.name);
      push(node.size);
      push(node.encoding);
      break;
    case TypeKind::kPointer:
    case TypeKind::kConst:
    case TypeKind::kVolatile:
    case TypeKind::kRestrict: {
      const ClassId target = ClassAt(graph, node.target, depth + 1);
      if (unsupported_) return false;
      class_of_[index] = ReferenceClass(node.kind, target);
      return true;
    }
    case TypeKind::kTypedef:
    case TypeKind::kTypeTag: {
      const ClassId target = ClassAt(graph, node.target, depth + 1);
      push(kNamedReference);
      push(static_cast<uint32_t>(node.kind));
      push(node.name);
      push(target);
      break;
    }
    case TypeKind::kArray: {
      const ClassId element = ClassAt(graph, node.target, depth + 1);
      push(kArrayTag);
      push(element);
      for (uint32_t i = 0; i < node.count; ++i) {
        push(graph.dimensions[node.first + i]);
      }
      break;
    }
    case TypeKind::kSubroutine: {
      push(kPrototype);
      push(0);
      push(node.varargs);
      for (uint32_t i = 0; i < node.count; ++i) {
        push(graph.parameters[node.first + i].name);
        push(0);
      }
      key_[start + 1] = ClassAt(graph, node.target, depth + 1);
      for (uint32_t i = 0; i < node.count; ++i) {
        const ClassId type =
            ClassAt(graph, graph.parameters[node.first + i].target, depth + 1);
        key_[start + 4 + 2 * i] = type;
      }
      break;
    }
    case TypeKind::kStruct:
    case TypeKind::kUnion: {
      push(kAnonymous);
      push(static_cast<uint32_t>(node.kind) << 1 | node.declaration);
      push(node.size);
      for (uint32_t i = 0; i < node.count; ++i) {
        const MemberNode& member = graph.members[node.first + i];
        push(member.name);
        push(0);
        push(member.bit_offset);
        push(member.bit_size);
      }
      for (uint32_t i = 0; i < node.count; ++i) {
        const ClassId type =
            ClassAt(graph, graph.members[node.first + i].target, depth + 1);
        key_[start + 4 + kMemberWords * i] = type;
      }
      break;
    }
    case TypeKind::kEnum: {
      push(kAnonymousEnum);
      push(EnumHead(graph, node));
      for (uint32_t i = 0; i < node.count; ++i) {
        const EnumeratorNode& value = graph.enumerators[node.first + i];
        push(value.name);
        push(static_cast<uint32_t>(value.value));
        push(static_cast<uint32_t>(value.value >> 32));
      }
      break;
    }
    case TypeKind::kUnsupported:
      push(kOther);
      push(node.first);
      break;
  }
  if (unsupported_) {
    key_.resize(start);
    return false;
  }
  class_of_[index] = Cons(&key_[start], key_.size() - start);
  key_.resize(start);
  return true;
}

// --- Definitions -------------------------------------------------------------

// The content of a named type, in body_: a head, then kMemberWords words for
// each member, of which the second one is a class. An enumerator's is none.
void Interner::Body(UnitGraph* unit, TypeNode* named) {
  body_names_.clear();
  for (uint32_t i = 0; i < named->count && named->open_members; ++i) {
    body_names_.push_back(*MemberName(*named, i, unit));
  }
  FinishMembers(unit, named, names_);
  const UnitGraph& graph = *unit;
  const TypeNode& node = *named;
  body_.clear();
  if (node.kind == TypeKind::kEnum) {
    body_.push_back(EnumHead(graph, node));
    for (uint32_t i = 0; i < node.count; ++i) {
      const EnumeratorNode& value = graph.enumerators[node.first + i];
      body_.push_back(value.name);
      body_.push_back(0);
      body_.push_back(static_cast<uint32_t>(value.value));
      body_.push_back(static_cast<uint32_t>(value.value >> 32));
    }
    return;
  }
  body_.resize(kBodyHead + size_t{node.count} * kMemberWords);
  body_[0] = node.size;
  uint32_t* word = &body_[kBodyHead];
  const MemberNode* member = graph.members.data() + node.first;
  for (uint32_t i = 0; i < node.count; ++i, ++member, word += kMemberWords) {
    word[0] = member->name;
    word[1] = class_of_[member->target];
    word[2] = member->bit_offset;
    word[3] = member->bit_size;
  }
}

bool Interner::SameWords(const Definition& definition) const {
  return definition.count == body_.size() &&
         memcmp(&definition_words_[definition.place], body_.data(),
                body_.size() * sizeof(uint32_t)) == 0;
}

// The same without a body_: nearly all definitions are copies of the first one.
bool Interner::IsNode(const Definition& definition, const UnitGraph& graph,
                      const TypeNode& node) const {
  if (node.open_members) return IsOpenNode(definition, graph, node);
  if (node.kind == TypeKind::kEnum ||
      definition.count != kBodyHead + size_t{node.count} * kMemberWords) {
    return false;
  }
  const uint32_t* word = &definition_words_[definition.place];
  if (word[0] != node.size) return false;
  word += kBodyHead;
  const MemberNode* member = graph.members.data() + node.first;
  const MemberNode* const end = member + node.count;
  for (; member != end; ++member, word += kMemberWords) {
    if (word[0] != member->name || word[1] != class_of_[member->target] ||
        word[2] != member->bit_offset || word[3] != member->bit_size) {
      return false;
    }
  }
  return true;
}

bool Interner::IsOpenNode(const Definition& definition, const UnitGraph& graph,
                          const TypeNode& node) const {
  if (definition.texts == 0 ||
      definition.count != kBodyHead + size_t{node.count} * kMemberWords) {
    return false;
  }
  const uint32_t* word = &definition_words_[definition.place];
  const bool linked = !names_->object().relocatable();
  const NameId* name = &member_names_[linked ? definition.texts : 0];
  const char* text = &member_texts_[linked ? 0 : definition.texts];
  const auto is_next_name = [&](NameId open) {
    if (linked) {
      const NameId known = *name++;
      return (open == known && (open & kOtherText) == 0) ||
             IsText(graph, open, names_->text(word[0]), *names_);
    }
    const size_t length = static_cast<uint8_t>(*text++);
    const absl::string_view expected(text, length);
    text += length;
    return IsText(graph, open, expected, *names_);
  };
  if (node.kind == TypeKind::kEnum) {
    if (word[0] != EnumHead(graph, node)) return false;
    word += kBodyHead;
    for (uint32_t i = 0; i < node.count; ++i, word += kMemberWords) {
      const EnumeratorNode& value = graph.enumerators[node.first + i];
      if (word[2] != static_cast<uint32_t>(value.value) ||
          word[3] != static_cast<uint32_t>(value.value >> 32) ||
          !is_next_name(value.name)) {
        return false;
      }
    }
    return true;
  }
  if (word[0] != node.size) return false;
  word += kBodyHead;
  for (uint32_t i = 0; i < node.count; ++i, word += kMemberWords) {
    const MemberNode& member = graph.members[node.first + i];
    if (word[1] != class_of_[member.target] || word[2] != member.bit_offset ||
        word[3] != member.bit_size || !is_next_name(member.name)) {
      return false;
    }
  }
  return true;
}

uint32_t Interner::AddNames() {
  if (body_names_.empty()) return 0;
  const size_t start = member_names_.size();
  member_names_.insert(member_names_.end(), body_names_.begin(),
                       body_names_.end());
  return static_cast<uint32_t>(start);
}

uint32_t Interner::AddTexts() {
  const size_t start = member_texts_.size();
  for (size_t i = kBodyHead; i < body_.size(); i += kMemberWords) {
    const absl::string_view text = names_->text(body_[i]);
    if (text.size() > UINT8_MAX ||
        member_texts_.size() > UINT32_MAX - 2 * UINT8_MAX) {
      member_texts_.resize(start);
      return 0;
    }
    member_texts_.push_back(static_cast<char>(text.size()));
    member_texts_.append(text.data(), text.size());
  }
  return static_cast<uint32_t>(start);
}

bool Interner::SameMerged(const Definition& definition) const {
  if (definition.count != body_.size()) return false;
  const uint32_t* words = &definition_words_[definition.place];
  for (size_t i = 0; i < body_.size(); ++i) {
    if (words[i] == body_[i]) continue;
    const bool is_class = i >= kBodyHead && (i - kBodyHead) % kMemberWords == 1;
    if (!is_class ||
        classes_.known[words[i]].merged != classes_.known[body_[i]].merged) {
      return false;
    }
  }
  return true;
}

// The definition that body_ is, of those of a class: with the same words if
// there is one, else one that differs in forwards only, else kNone.
uint32_t Interner::FindDefinition(ClassId id) {
  const uint32_t first = classes_.known[id].first_definition;
  for (uint32_t at = first; at != kNone; at = definitions_[at].next) {
    work_->Spend(1);
    if (SameWords(definitions_[at])) return at;
  }
  for (uint32_t at = first; at != kNone; at = definitions_[at].next) {
    work_->Spend(body_.size());
    if (SameMerged(definitions_[at])) return at;
  }
  return kNone;
}

uint32_t Interner::AddDefinition(ClassId id) {
  Definition definition;
  definition.place = static_cast<uint32_t>(definition_words_.size());
  definition.count = static_cast<uint32_t>(body_.size());
  definition.made = 0;
  definition.next = kNone;
  definition.index = 0;
  definition.texts = 0;
  definition_words_.insert(definition_words_.end(), body_.begin(), body_.end());
  const uint32_t added = static_cast<uint32_t>(definitions_.size());
  uint32_t* link = &classes_.known[id].first_definition;
  while (*link != kNone) {
    definition.index =
        std::max(definition.index, definitions_[*link].index + 1);
    link = &definitions_[*link].next;
  }
  *link = added;
  // Others are rare.
  if (definition.index == 0) {
    definition.texts = names_->object().relocatable() ? AddTexts() : AddNames();
  }
  definitions_.push_back(definition);
  return added;
}

// --- Marks -------------------------------------------------------------------

void Interner::Spread(const UnitGraph& graph,
                      const std::vector<uint32_t>& from) {
  const size_t count = graph.types.size();
  // Who refers to a node: users_[starts_[node]] and on, up to the next one's.
  const auto for_each_target = [&](uint32_t i, auto visit) {
    const TypeNode& node = graph.types[i];
    switch (node.kind) {
      case TypeKind::kStruct:
      case TypeKind::kUnion:
        for (uint32_t k = 0; k < node.count; ++k) {
          visit(graph.members[node.first + k].target);
        }
        return;
      case TypeKind::kSubroutine:
        for (uint32_t k = 0; k < node.count; ++k) {
          visit(graph.parameters[node.first + k].target);
        }
        visit(node.target);
        return;
      case TypeKind::kEnum:
      case TypeKind::kBase:
        return;
      default:
        visit(node.target);
    }
  };
  starts_.assign(count + 1, 0);
  for (uint32_t i = 1; i < count; ++i) {
    for_each_target(i, [this](uint32_t target) { ++starts_[target + 1]; });
  }
  for (size_t i = 1; i <= count; ++i) starts_[i] += starts_[i - 1];
  users_.resize(starts_[count]);
  std::vector<uint32_t> filled(starts_.begin(), starts_.end() - 1);
  for (uint32_t i = 1; i < count; ++i) {
    for_each_target(i, [&](uint32_t target) { users_[filled[target]++] = i; });
  }
  reached_.assign(count, 0);
  std::vector<uint32_t> todo = from;
  for (const uint32_t node : from) reached_[node] = 1;
  while (!todo.empty()) {
    const uint32_t node = todo.back();
    todo.pop_back();
    for (uint32_t k = starts_[node]; k < starts_[node + 1]; ++k) {
      if (reached_[users_[k]]) continue;
      reached_[users_[k]] = 1;
      todo.push_back(users_[k]);
    }
  }
}

// Which node defines each named class; and the nodes of names that have more
// than one meaning within the unit, which deduplication compares by rules that
// depend on how the graph is walked.
void Interner::FindNamed(UnitGraph* graph) {
  defined_.clear();
  forwards_.clear();
  special_.clear();
  for (uint32_t i = 1; i < graph->types.size(); ++i) {
    TypeNode& node = graph->types[i];
    if (!IsNamed(node)) continue;
    const ClassId id = class_of_[i];
    Class& known = classes_.known[id];
    if (known.merged != id) {
      forwards_.push_back(i);
      continue;
    }
    defined_.push_back(i);
    if (known.unit_definition == unit_) {
      Body(graph, &graph->types[known.definition_node]);
      const std::vector<uint32_t> first = body_;
      Body(graph, &node);
      if (first != body_) {
        special_.push_back(known.definition_node);
        special_.push_back(i);
      }
      continue;
    }
    known.unit_definition = unit_;
    known.definition_node = i;
  }
  for (const uint32_t i : forwards_) {
    const Class& merged = classes_.known[classes_.known[class_of_[i]].merged];
    if (merged.unit_definition != unit_) continue;
    special_.push_back(merged.definition_node);
    special_.push_back(i);
  }
}

// From here on the unit's forwards of that class are told from definitions.
void Interner::Watch(Class* known) {
  known->watched = true;
  uncertain_ |= known->forward_seen;
}

// The nodes that are not the first definition of their name: `from_`.
void Interner::FindOthers(UnitGraph* graph) {
  from_.clear();
  for (const uint32_t i : defined_) {
    const ClassId id = class_of_[i];
    const uint32_t first = classes_.known[id].first_definition;
    uint32_t found = first;
    if (first == kNone ||
        !IsNode(definitions_[first], *graph, graph->types[i])) {
      Body(graph, &graph->types[i]);
      found = FindDefinition(id);
      if (found == kNone) found = AddDefinition(id);
    }
    definition_of_[i] = found;
    if (definitions_[found].index == 0) continue;
    from_.push_back(i);
  }
  if (!from_.empty()) {
    Spread(*graph, from_);
    for (const uint32_t i : defined_) {
      // One that is defined here for the first time still has one meaning.
      Class& known = classes_.known[class_of_[i]];
      if (reached_[i] && known.made != 0) Watch(&known);
    }
  }
  const size_t definitions = from_.size();
  for (const uint32_t i : forwards_) {
    Class& merged = classes_.known[classes_.known[class_of_[i]].merged];
    if (merged.watched) {
      from_.push_back(i);
    } else {
      merged.forward_seen = true;
    }
  }
  from_forwards_ = from_.size() != definitions;
  // A type that was made with such a forward somewhere below it is a candidate
  // for all later ones of its class, and its forward matches what they have.
  for (uint32_t i = 1; i < graph->types.size(); ++i) {
    if (!IsGraph(graph->types[i]) ||
        !classes_.known[classes_.known[class_of_[i]].merged].split) {
      continue;
    }
    from_.push_back(i);
    from_forwards_ = true;
  }
}

// Also the nodes that define what the base only declares. A type that reaches
// one differs from the base's type of its name. Without the definition, in
// another unit, it may be that type. So both are made.
void Interner::FindDeclaredByBase() {
  marks_by_base_alone_ = from_.empty() && special_.empty();
  for (const uint32_t i : defined_) {
    const Class& known = classes_.known[class_of_[i]];
    uncertain_ |= known.base_repeats;
    if (known.base_declares) from_.push_back(i);
  }
}

void Interner::FindMarks(const UnitGraph& graph) {
  mark_of_.clear();
  if (from_.empty() && special_.empty()) return;
  mark_of_.assign(graph.types.size(), 0);
  const auto mark_reached = [&](uint32_t mark) {
    for (uint32_t i = 1; i < graph.types.size(); ++i) {
      if (reached_[i]) mark_of_[i] = mark;
    }
  };
  if (!from_.empty()) {
    std::vector<std::pair<ClassId, uint32_t>> states;
    for (const uint32_t i : from_) {
      const uint32_t definition = definition_of_[i];
      states.emplace_back(class_of_[i], definition == kNone
                                            ? 0
                                            : definitions_[definition].index);
    }
    std::sort(states.begin(), states.end());
    std::vector<uint32_t> key = {from_forwards_ ? 1u : 0u};
    for (const auto& [id, index] : states) {
      key.push_back(id);
      key.push_back(index);
    }
    bool is_new;
    uint32_t mark = marks_.Intern(key.data(), key.size(), &is_new);
    // What a forward matches depends on all that there is to match so far: only
    // units in a row are sure to be treated the same.
    if (from_forwards_) {
      if (mark != last_state_)
        last_mark_ = kPrivateMarks | next_private_mark_++;
      last_state_ = mark;
      mark = last_mark_;
    }
    Spread(graph, from_);
    mark_reached(mark);
    ++stats_.marked_units;
    for (uint32_t i = 1; i < graph.types.size() && from_forwards_; ++i) {
      if (reached_[i] && IsGraph(graph.types[i])) {
        classes_.known[classes_.known[class_of_[i]].merged].split = true;
      }
    }
  }
  if (!special_.empty()) {
    Spread(graph, special_);
    mark_reached(kPrivateMarks | next_private_mark_++);
    ++stats_.special_units;
  }
}

absl::Status Interner::FindClasses(const UnitGraph& graph) {
  class_of_.assign(graph.types.size(), kNotAsked);
  class_of_[0] = 0;
  for (uint32_t i = 1; i < graph.types.size(); ++i) {
    ClassAt(graph, i, 0);
    if (unsupported_) {
      unsupported_ = false;
      key_.clear();
      return absl::UnimplementedError(absl::StrFormat(
          "the type at offset %#x of its unit is nested too deep, or in a "
          "circle",
          graph.types[i].die));
    }
  }
  return absl::OkStatus();
}

absl::Status Interner::Plan(BtfId next, UnitGraph* unit, TypePlan* plan) {
  const UnitGraph& graph = *unit;
  const size_t count = graph.types.size();
  ++unit_;
  RETURN_IF_ERROR(FindClasses(graph));
  definition_of_.assign(count, kNone);
  FindNamed(unit);
  FindOthers(unit);
  FindDeclaredByBase();
  FindMarks(graph);
  RETURN_IF_ERROR(work_->Check());

  plan->ids.assign(count, 0);
  plan->made.assign(count, false);
  for (uint32_t i = 1; i < count; ++i) {
    const TypeNode& node = graph.types[i];
    const uint32_t records = RecordCount(node, rules_);
    if (records == 0) continue;
    const uint32_t mark = mark_of_.empty() ? 0 : mark_of_[i];
    if (mark != 0) ++stats_.marked_types;
    const ClassId id = mark == 0 ? class_of_[i] : Marked(class_of_[i], mark);
    BtfId* made;
    if (IsNamed(node) && classes_.known[class_of_[i]].merged == class_of_[i]) {
      made = &definitions_[DefinitionFor(i, id, unit)].made;
      // The name means two things from now on.
      Class& known = classes_.known[class_of_[i]];
      if (*made == 0 && mark != 0 && marks_by_base_alone_) {
        uncertain_ |= known.base_mark != 0;
        known.base_mark = mark;
      } else if (*made == 0 && std::exchange(known.made, 1) != 0) {
        Watch(&known);
      }
    } else {
      // Types that are compared as graphs are the same with a forward and with
      // what it stands for.
      made =
          &classes_.known[IsGraph(node) ? classes_.known[id].merged : id].made;
    }
    if (*made == 0) {
      next += records;
      *made = next - 1;
      plan->made[i] = true;
      FinishMembers(unit, &unit->types[i], names_);
    }
    plan->ids[i] = *made;
  }
  return absl::OkStatus();
}

// The definition that a node is, under its class with the mark.
uint32_t Interner::DefinitionFor(uint32_t node, ClassId id, UnitGraph* graph) {
  if (id == class_of_[node]) return definition_of_[node];
  Body(graph, &graph->types[node]);
  const uint32_t found = FindDefinition(id);
  return found != kNone ? found : AddDefinition(id);
}

std::vector<BtfId> Interner::Forwards() const {
  std::vector<BtfId> forwards;
  for (ClassId id = 1; id < classes_.known.size(); ++id) {
    const absl::Span<const uint32_t> key = classes_.table.words(id);
    if (key[0] != kForwardStruct && key[0] != kForwardUnion) continue;
    const Class& known = classes_.known[id];
    const Class& merged = classes_.known[known.merged];
    if (known.made == 0 || !merged.forward_seen ||
        merged.first_definition == kNone) {
      continue;
    }
    forwards.push_back(known.made);
  }
  return forwards;
}

void Interner::SetBaseNames(const BaseNames& base, NameTable* names) {
  const auto for_each = [&](const std::vector<std::string>& texts, auto set) {
    for (const std::string& text : texts) {
      const NameId name = names->Intern(text);
      for (const uint32_t tag : {kNamedStruct, kNamedUnion}) {
        set(&classes_.known[NamedClass(tag, name)]);
      }
    }
  };
  for_each(base.declared, [](Class* known) { known->base_declares = true; });
  for_each(base.repeated, [](Class* known) { known->base_repeats = true; });
}

}  // namespace btfd::encode
