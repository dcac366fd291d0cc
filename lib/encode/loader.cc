// SPDX-License-Identifier: Apache-2.0
//
// One walk, depth first. There is one Die, and each function takes what it
// needs out of it before it goes on to the children.
#include "lib/encode/loader.h"

#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/dwarf/constants.h"
#include "lib/dwarf/location.h"
#include "lib/util/status_macros.h"

namespace btfd::encode {

using dwarf::Die;
using dwarf::Slot;
using dwarf::Value;
using dwarf::ValueClass;

namespace {

// Compilers nest by some dozens.
constexpr int kMostDepth = 400;
constexpr uint32_t kMostDimensions = 64;

using TagList = absl::InlinedVector<DeclTagNode, 2>;

// What a plain DIE makes; kVoid for what is in a type.
TypeKind KindOfPlain(uint16_t tag) {
  switch (tag) {
    case dwarf::kTagPointerType:
      return TypeKind::kPointer;
    case dwarf::kTagConstType:
      return TypeKind::kConst;
    case dwarf::kTagVolatileType:
      return TypeKind::kVolatile;
    case dwarf::kTagRestrictType:
      return TypeKind::kRestrict;
    case dwarf::kTagTypedef:
      return TypeKind::kTypedef;
    case dwarf::kTagBaseType:
      return TypeKind::kBase;
    case dwarf::kTagStructureType:
      return TypeKind::kStruct;
    case dwarf::kTagUnionType:
      return TypeKind::kUnion;
    case dwarf::kTagEnumerationType:
      return TypeKind::kEnum;
    case dwarf::kTagArrayType:
      return TypeKind::kArray;
    case dwarf::kTagSubroutineType:
      return TypeKind::kSubroutine;
    default:
      return TypeKind::kVoid;
  }
}

}  // namespace

DieOffset Loader::Reference(Slot slot) const {
  if (!die_.has(slot)) return kNoDie;
  const Value& value = die_.values[slot];
  if (value.type != ValueClass::kReference || value.number < graph_->origin ||
      value.number - graph_->origin >= kNoDie) {
    return kNoDie;
  }
  return Offset(value.number);
}

NameId Loader::OtherText(const Value& value) {
  graph_->other_texts.push_back(value);
  return kOtherText | static_cast<NameId>(graph_->other_texts.size() - 1);
}

NameId Loader::Name(Slot slot) {
  if (!die_.has(slot)) return 0;
  const Value& value = die_.values[slot];
  if (value.type == ValueClass::kString && value.number < kOtherText - 1) {
    return static_cast<NameId>(value.number) + 1;
  }
  return OtherText(value);
}

DieOffset Loader::PlainReference() const {
  const uint64_t place = unit_delta_ + plain_.type;
  return plain_.has(dwarf::kType) && place < kNoDie
             ? static_cast<DieOffset>(place)
             : kNoDie;
}

inline NameId Loader::PlainName() {
  if (!plain_.has(dwarf::kName)) return 0;
  if (plain_.name < kOtherText - 1) {
    return static_cast<NameId>(plain_.name) + 1;
  }
  dwarf::Value value;
  value.type = ValueClass::kString;
  value.number = plain_.name;
  return OtherText(value);
}

inline void Loader::PlainMember(bool in_struct, MemberNode* member) {
  const uint32_t present = plain_.abbrev->present;
  const bool in_bits = (present >> dwarf::kDataBitOffset) & 1;
  const bool has_place = (present >> dwarf::kMemberLocation) & 1;
  member->name = PlainName();
  member->target = PlainReference();
  member->bit_size = static_cast<uint8_t>(plain_.second);
  member->bit_offset = plain_.first << (in_bits ? 0 : 3);
  member->has_layout = !in_struct | in_bits | has_place;
}

// Of a member's place: a constant, or an expression that adds one.
uint64_t Loader::OffsetNumber(Slot slot) {
  const Value& value = die_.values[slot];
  if (value.type != ValueClass::kBlock) return die_.Number(slot);
  dwarf::Expression expression;
  if (dwarf::ParseExpression(
          object_.info.content.substr(value.number, value.length), *unit_,
          object_.big_endian(), &expression) &&
      !expression.empty() &&
      (expression[0].code == dwarf::kOpPlusUconst ||
       expression[0].code == dwarf::kOpConstu)) {
    return expression[0].number;
  }
  return ~uint64_t{0};
}

void Loader::Add(const TypeNode& node) {
  graph_->map.Set(node.die, graph_->types.size());
  graph_->types.push_back(node);
}

bool Loader::TooDeep(int depth) {
  if (depth < kMostDepth) return false;
  if (status_.ok()) {
    status_ = absl::InvalidArgumentError(
        absl::StrFormat(".debug_info at offset %#x: DIEs are nested more than "
                        "%d deep",
                        die_.offset, kMostDepth));
  }
  return true;
}

void Loader::Unsupported(absl::string_view what) {
  if (unsupported_.ok()) {
    unsupported_ = absl::UnimplementedError(
        absl::StrFormat(".debug_info at offset %#x: %s", die_.offset, what));
  }
}

absl::Status Loader::status() const {
  if (!cursor_->ok()) return cursor_->status();
  if (!status_.ok()) return status_;
  if (!object_.info.relocations.status().ok()) {
    return object_.info.relocations.status();
  }
  return unsupported_;
}

absl::Status Loader::Load(const dwarf::Unit& unit,
                          const dwarf::AbbrevTable& abbrevs, UnitGraph* graph) {
  unit_ = &unit;
  graph_ = graph;
  dwarf::DieCursor cursor(object_, unit, abbrevs);
  cursor_ = &cursor;
  if (unit.end - graph->origin >= kNoDie) {
    return absl::UnimplementedError(absl::StrFormat(
        ".debug_info at offset %#x: the unit is larger than 4 GiB",
        unit.offset));
  }
  graph->map.Reserve(unit.end - graph->origin);
  unit_delta_ = unit.offset - graph->origin;
  if (Next() && die_.has_children()) Children(Place::kUnit, 0);
  ++graph->unit_count;
  return status();
}

void Loader::Children(Place place, int depth) {
  if (TooDeep(depth)) return;
  while (status_.ok()) {
    while (NextPlain()) ProcessPlain(depth);
    if (!Next()) return;
    Process(place, depth);
  }
}

void Loader::ProcessPlain(int depth) {
  const TypeKind kind = KindOfPlain(plain_.tag());
  switch (kind) {
    case TypeKind::kVoid:
      return;  // it is of no use here, and has no children
    case TypeKind::kStruct:
    case TypeKind::kUnion:
    case TypeKind::kEnum:
    case TypeKind::kArray:
    case TypeKind::kSubroutine:
      return ProcessPlainParent(kind, depth);
    default:
      break;
  }
  const DieOffset die = Offset(plain_.offset);
  graph_->map.NoteSize(die, cursor_->offset() - plain_.offset);
  graph_->map.Set(die, graph_->types.size());
  TypeNode& node = graph_->types.emplace_back();
  node.die = die;
  node.kind = kind;
  node.size = plain_.first;
  node.has_size = plain_.has(dwarf::kByteSize);
  node.encoding = static_cast<uint8_t>(plain_.second);
  const bool named = kind == TypeKind::kBase || kind == TypeKind::kTypedef;
  node.name = named ? PlainName() : 0;
  node.target = PlainReference();
}

// A type that may have children.
void Loader::ProcessPlainParent(TypeKind kind, int depth) {
  die_.offset = plain_.offset;
  TypeNode node;
  node.die = Offset(plain_.offset);
  node.kind = kind;
  node.name = PlainName();
  node.target = PlainReference();
  node.size = plain_.first;
  node.has_size = plain_.has(dwarf::kByteSize);
  node.declaration = plain_.has(dwarf::kDeclaration);
  graph_->map.NoteSize(node.die, cursor_->offset() - plain_.offset);
  const bool has_children = plain_.abbrev->has_children;
  switch (kind) {
    case TypeKind::kEnum:
      return Enumeration(node, has_children);
    case TypeKind::kArray:
      return Array(node, has_children);
    case TypeKind::kSubroutine:
      return Subroutine(node, has_children, depth);
    default:
      return Composite(node, has_children, depth);
  }
}

// The same of a DIE that is not plain.
TypeNode Loader::Parent(TypeKind kind) {
  TypeNode node;
  node.die = Offset(die_.offset);
  node.kind = kind;
  node.name = Name(dwarf::kName);
  node.target = Reference(dwarf::kType);
  node.size = static_cast<uint32_t>(die_.Number(dwarf::kByteSize));
  node.has_size = die_.has(dwarf::kByteSize);
  node.declaration = die_.has(dwarf::kDeclaration);
  node.is_class = die_.tag() == dwarf::kTagClassType;
  if (HasMembers(node) && node.name == 0 && die_.has(dwarf::kSpecification)) {
    Unsupported("a struct, union or class with DW_AT_specification");
  }
  if (die_.has(dwarf::kAnnotation)) Unsupported("DW_AT_GNU_annotation");
  return node;
}

void Loader::Process(Place place, int depth) {
  NoteSize();
  switch (die_.tag()) {
    case dwarf::kTagStructureType:
    case dwarf::kTagClassType:
      return Composite(Parent(TypeKind::kStruct), die_.has_children(), depth);
    case dwarf::kTagUnionType:
      return Composite(Parent(TypeKind::kUnion), die_.has_children(), depth);
    case dwarf::kTagEnumerationType:
      return Enumeration(Parent(TypeKind::kEnum), die_.has_children());
    case dwarf::kTagArrayType:
      return Array(Parent(TypeKind::kArray), die_.has_children());
    case dwarf::kTagSubroutineType:
      return Subroutine(Parent(TypeKind::kSubroutine), die_.has_children(),
                        depth);
    case dwarf::kTagPointerType:
      return Pointer();
    case dwarf::kTagTypedef:
      return Typedef();
    case dwarf::kTagBaseType:
      return Plain(TypeKind::kBase);
    case dwarf::kTagConstType:
      return Plain(TypeKind::kConst);
    case dwarf::kTagVolatileType:
      return Plain(TypeKind::kVolatile);
    case dwarf::kTagRestrictType:
      return Plain(TypeKind::kRestrict);
    case dwarf::kTagUnspecifiedType:
      // Directly under the unit it is void.
      if (place == Place::kUnit) return Skip();
      return Plain(TypeKind::kUnspecified);
    case dwarf::kTagAtomicType:
      // What a pahole does not know it passes over; references to it are void.
      if (!rules_.knows_atomic) return Skip();
      return Plain(TypeKind::kUnsupported);
    case dwarf::kTagReferenceType:
    case dwarf::kTagRvalueReferenceType:
    case dwarf::kTagPtrToMemberType:
    case dwarf::kTagStringType:
    case dwarf::kTagInterfaceType:
      return Plain(TypeKind::kUnsupported);
    case dwarf::kTagSubprogram:
      return Subprogram(depth);
    case dwarf::kTagVariable:
      return Variable(place);
    case dwarf::kTagNamespace:
      if (die_.has_children()) Children(Place::kType, depth + 1);
      return;
    case dwarf::kTagLexicalBlock:
      if (place == Place::kFunction && die_.has_children()) {
        return Children(Place::kFunction, depth + 1);
      }
      return Skip();
    case dwarf::kTagInlinedSubroutine:
      if (place == Place::kFunction && rules_.walks_inlined &&
          die_.has_children()) {
        return Children(Place::kFunction, depth + 1);
      }
      return Skip();
    case dwarf::kTagImportedUnit:
      Unsupported("a unit is imported (dwz)");
      return Skip();
    default:
      return Skip();
  }
}

NameId Loader::Annotation(absl::string_view name) {
  if (!die_.has(dwarf::kName)) return 0;
  const absl::StatusOr<absl::string_view> text =
      dwarf::TextOf(object_, die_.values[dwarf::kName]);
  return text.ok() && *text == name ? Name(dwarf::kConstValue) : 0;
}

NameId Loader::DeclTag() {
  if (die_.tag() != dwarf::kTagLlvmAnnotation || !features_.decl_tag) return 0;
  return Annotation("btf_decl_tag");
}

void Loader::DeclTagsBelow(absl::FunctionRef<void(NameId value)> add) {
  if (!die_.has_children()) return;
  while (Next()) {
    if (const NameId value = DeclTag(); value != 0) add(value);
    Skip();
  }
}

MemberNode Loader::Member(bool in_struct, OldBitfield* old) {
  MemberNode member;
  member.name = Name(dwarf::kName);
  member.target = Reference(dwarf::kType);
  member.bit_size = static_cast<uint8_t>(die_.Number(dwarf::kBitSize));
  const bool has_place = die_.has(dwarf::kMemberLocation);
  member.has_layout =
      !in_struct || has_place || die_.has(dwarf::kDataBitOffset);
  if (die_.has(dwarf::kDataBitOffset)) {
    member.bit_offset =
        static_cast<uint32_t>(OffsetNumber(dwarf::kDataBitOffset));
    return member;
  }
  if (has_place) {
    member.bit_offset =
        static_cast<uint32_t>(OffsetNumber(dwarf::kMemberLocation) * 8);
  }
  if (member.bit_size != 0 && die_.has(dwarf::kBitOffset)) {
    old->bit_offset = die_.Number(dwarf::kBitOffset);
    old->byte_size = static_cast<uint32_t>(die_.Number(dwarf::kByteSize));
    old->member = 1;
  }
  return member;
}

void Loader::Composite(TypeNode node, bool has_children, int depth) {
  if (TooDeep(depth)) return;
  const bool is_struct = node.kind == TypeKind::kStruct;
  node.target = kNoDie;
  // Nested types have members, too: these are kept aside until the end.
  std::vector<MemberNode>& members = open_members_;
  const size_t first_member = members.size();
  absl::InlinedVector<std::pair<uint32_t, OldBitfield>, 2> old_bitfields;
  TagList tags;
  int32_t member_dies = 0;  // members and base classes, for decl tags
  if (has_children) {
    while (status_.ok()) {
      while (NextPlain()) {
        if (plain_.tag() == dwarf::kTagMember) {
          PlainMember(is_struct, &members.emplace_back());
          ++member_dies;
        } else {
          ProcessPlain(depth + 1);
        }
      }
      if (!Next()) break;
      switch (die_.tag()) {
        case dwarf::kTagMember: {
          OldBitfield old;
          if (die_.has(dwarf::kAnnotation)) {
            Unsupported("DW_AT_GNU_annotation");
          }
          members.push_back(Member(is_struct, &old));
          if (old.member != 0) {
            old_bitfields.push_back({members.size() - 1 - first_member, old});
          }
          DeclTagsBelow([&](NameId value) {
            tags.push_back({TagOwner::kType, 0, value, member_dies});
          });
          ++member_dies;
          break;
        }
        case dwarf::kTagInheritance:
          ++member_dies;
          Skip();
          break;
        case dwarf::kTagLlvmAnnotation:
          if (const NameId value = DeclTag(); value != 0) {
            tags.push_back({TagOwner::kType, 0, value, -1});
          }
          Skip();
          break;
        case dwarf::kTagTemplateTypeParameter:
        case dwarf::kTagTemplateValueParameter:
        case dwarf::kTagVariantPart:
        case dwarf::kTagSubrangeType:
          Skip();
          break;
        default:
          Process(Place::kType, depth + 1);
      }
    }
  }
  node.first = graph_->members.size();
  node.count = members.size() - first_member;
  graph_->members.insert(graph_->members.end(), members.begin() + first_member,
                         members.end());
  members.resize(first_member);
  for (auto& [index, old] : old_bitfields) {
    old.member = node.first + index;
    graph_->old_bitfields.push_back(old);
  }
  for (DeclTagNode& tag : tags) {
    tag.owner = graph_->types.size();
    graph_->decl_tags.push_back(tag);
  }
  Add(node);
}

void Loader::Enumeration(TypeNode node, bool has_children) {
  node.first = graph_->enumerators.size();
  if (has_children) {
    for (;;) {
      while (NextPlain()) {
        if (plain_.tag() == dwarf::kTagEnumerator) {
          graph_->enumerators.push_back({PlainName(), plain_.first});
        } else {
          cursor_->SkipChildren(plain_);
        }
      }
      if (!Next()) break;
      if (die_.tag() == dwarf::kTagEnumerator) {
        graph_->enumerators.push_back(
            {Name(dwarf::kName), die_.Number(dwarf::kConstValue)});
      } else if (die_.tag() == dwarf::kTagSubprogram) {
        Unsupported("a function in an enumeration (Rust)");
      }
      Skip();
    }
  }
  node.count = graph_->enumerators.size() - node.first;
  Add(node);
}

void Loader::Array(TypeNode node, bool has_children) {
  node.name = 0;
  node.first = graph_->dimensions.size();
  if (has_children) {
    for (;;) {
      while (NextPlain()) {
        if (plain_.tag() != dwarf::kTagSubrangeType) {
          cursor_->SkipChildren(plain_);
          continue;
        }
        const bool is_bound = plain_.has(dwarf::kUpperBound);
        graph_->dimensions.push_back(plain_.first + (is_bound ? 1 : 0));
      }
      if (!Next()) break;
      if (die_.tag() == dwarf::kTagSubrangeType) {
        uint32_t count = 0;
        if (die_.has(dwarf::kUpperBound)) {
          if (die_.IsConstant(dwarf::kUpperBound)) {
            count = static_cast<uint32_t>(die_.Number(dwarf::kUpperBound) + 1);
          }
        } else if (die_.IsConstant(dwarf::kCount)) {
          count = static_cast<uint32_t>(die_.Number(dwarf::kCount));
        }
        graph_->dimensions.push_back(count);
      }
      Skip();
    }
  }
  node.count = graph_->dimensions.size() - node.first;
  if (node.count > kMostDimensions) {
    Unsupported("an array of more than 64 dimensions");
  }
  Add(node);
}

ParameterNode Loader::Parameter() {
  NoteSize();
  ParameterNode parameter;
  parameter.die = Offset(die_.offset);
  parameter.name = Name(dwarf::kName);
  parameter.target = Reference(dwarf::kType);
  parameter.has_type = die_.has(dwarf::kType);
  parameter.origin = Reference(dwarf::kAbstractOrigin);
  if (die_.has(dwarf::kLocation)) {
    parameter.location = die_.values[dwarf::kLocation];
    parameter.facts.has_location = true;
  }
  parameter.facts.has_const_value = die_.has(dwarf::kConstValue);
  if (die_.has(dwarf::kAnnotation)) {
    Unsupported("DW_AT_GNU_annotation");
  }
  return parameter;
}

void Loader::Subroutine(TypeNode node, bool has_children, int depth) {
  if (TooDeep(depth)) return;
  node.name = 0;
  absl::InlinedVector<ParameterNode, 8> parameters;
  if (has_children) {
    while (status_.ok()) {
      while (NextPlain()) {
        if (plain_.tag() != dwarf::kTagFormalParameter) {
          ProcessPlain(depth + 1);
          continue;
        }
        ParameterNode& parameter = parameters.emplace_back();
        parameter.name = PlainName();
        parameter.target = PlainReference();
        parameter.die = Offset(plain_.offset);
      }
      if (!Next()) break;
      if (die_.tag() == dwarf::kTagFormalParameter) {
        ParameterNode& parameter = parameters.emplace_back();
        parameter.name = Name(dwarf::kName);
        parameter.target = Reference(dwarf::kType);
        parameter.die = Offset(die_.offset);
        Skip();
      } else if (die_.tag() == dwarf::kTagUnspecifiedParameters) {
        node.varargs = true;
        Skip();
      } else {
        Process(Place::kType, depth + 1);
      }
    }
  }
  node.first = graph_->parameters.size();
  node.count = parameters.size();
  graph_->parameters.insert(graph_->parameters.end(), parameters.begin(),
                            parameters.end());
  Add(node);
}

// Type tags of a pointer: each is a type before it. The pointer refers to the
// last one, each to the one before it, and the first one to what is pointed to.
void Loader::Pointer() {
  TypeNode node;
  node.die = Offset(die_.offset);
  node.kind = TypeKind::kPointer;
  node.target = Reference(dwarf::kType);
  node.size = static_cast<uint32_t>(die_.Number(dwarf::kByteSize));
  if (die_.has(dwarf::kAnnotation)) {
    Unsupported("DW_AT_GNU_annotation");
  }
  if (die_.has_children()) {
    while (Next()) {
      if (die_.tag() == dwarf::kTagLlvmAnnotation && features_.type_tag) {
        const NameId value = Annotation("btf_type_tag");
        if (value != 0) {
          TypeNode tag;
          tag.die = Offset(die_.offset);
          NoteSize();
          tag.kind = TypeKind::kTypeTag;
          tag.name = value;
          tag.target = node.target;
          node.target = tag.die;
          Add(tag);
        }
      }
      Skip();
    }
  }
  Add(node);
}

void Loader::Typedef() {
  TypeNode node;
  node.die = Offset(die_.offset);
  node.kind = TypeKind::kTypedef;
  node.name = Name(dwarf::kName);
  node.target = Reference(dwarf::kType);
  if (node.name == 0 && die_.has(dwarf::kSpecification)) {
    Unsupported("a typedef with DW_AT_specification");
  }
  if (die_.has(dwarf::kAnnotation)) {
    Unsupported("DW_AT_GNU_annotation");
  }
  DeclTagsBelow([&](NameId value) {
    graph_->decl_tags.push_back({TagOwner::kType,
                                 static_cast<uint32_t>(graph_->types.size()),
                                 value, -1});
  });
  Add(node);
}

void Loader::Plain(TypeKind kind) {
  TypeNode node;
  node.die = Offset(die_.offset);
  node.kind = kind;
  node.size = static_cast<uint32_t>(die_.Number(dwarf::kByteSize));
  node.has_size = die_.has(dwarf::kByteSize);
  if (kind == TypeKind::kBase) {
    node.name = Name(dwarf::kName);
    node.encoding = static_cast<uint8_t>(die_.Number(dwarf::kEncoding));
    node.target = kNoDie;
  } else {
    node.target = Reference(dwarf::kType);
  }
  if (kind == TypeKind::kUnsupported) {
    node.encoding = 0;
    node.count = 0;
    node.first = die_.tag();
  }
  Skip();
  Add(node);
}

void Loader::Subprogram(int depth) {
  if (TooDeep(depth)) return;
  FunctionNode function;
  function.die = Offset(die_.offset);
  function.unit = graph_->unit_count;
  function.name = Name(dwarf::kName);
  function.target = Reference(dwarf::kType);
  function.has_type = die_.has(dwarf::kType);
  function.origin = Reference(dwarf::kAbstractOrigin);
  function.specification = Reference(dwarf::kSpecification);
  function.address = die_.Number(dwarf::kLowPc);
  function.declaration = die_.has(dwarf::kDeclaration);
  function.external = die_.has(dwarf::kExternal);
  function.inlined = die_.Number(dwarf::kInline) != 0;
  function.nocall =
      die_.Number(dwarf::kCallingConvention) == dwarf::kCallingConventionNocall;
  if (die_.has(dwarf::kAnnotation)) {
    Unsupported("DW_AT_GNU_annotation");
  }
  absl::InlinedVector<ParameterNode, 8> parameters;
  TagList tags;
  if (die_.has_children()) {
    while (status_.ok() && Next()) {
      switch (die_.tag()) {
        case dwarf::kTagFormalParameter: {
          ParameterNode parameter = Parameter();
          const int32_t index = static_cast<int32_t>(parameters.size());
          parameter.index = static_cast<uint8_t>(index);
          DeclTagsBelow([&](NameId value) {
            tags.push_back({TagOwner::kFunction, 0, value, index});
          });
          parameters.push_back(parameter);
          break;
        }
        case dwarf::kTagUnspecifiedParameters:
          function.varargs = true;
          Skip();
          break;
        case dwarf::kTagLlvmAnnotation:
          if (const NameId value = DeclTag(); value != 0) {
            tags.push_back({TagOwner::kFunction, 0, value, -1});
          }
          Skip();
          break;
        default:
          Process(Place::kFunction, depth + 1);
      }
    }
  }
  function.first = graph_->parameters.size();
  function.count = parameters.size();
  for (const ParameterNode& parameter : parameters) {
    graph_->map.Set(parameter.die, graph_->parameters.size());
    graph_->parameters.push_back(parameter);
  }
  for (DeclTagNode& tag : tags) {
    tag.owner = graph_->functions.size();
    graph_->decl_tags.push_back(tag);
  }
  graph_->map.Set(function.die, graph_->functions.size());
  graph_->functions.push_back(function);
}

void Loader::Variable(Place place) {
  VariableNode variable;
  variable.die = Offset(die_.offset);
  variable.declaration = die_.has(dwarf::kDeclaration);
  variable.top_level = place == Place::kUnit;
  // A function's own variable is never made; but a declaration may be what
  // another one specifies.
  if (!variable.top_level && !variable.declaration &&
      !rules_.nested_variables) {
    return Skip();
  }
  variable.name = Name(dwarf::kName);
  variable.target = Reference(dwarf::kType);
  variable.specification = Reference(dwarf::kSpecification);
  if (!variable.top_level) {
    variable.origin = Reference(dwarf::kAbstractOrigin);
  }
  variable.external = die_.has(dwarf::kExternal);
  variable.artificial = die_.has(dwarf::kArtificial);
  if (die_.has(dwarf::kAnnotation)) {
    Unsupported("DW_AT_GNU_annotation");
  }
  const Value& location = die_.values[dwarf::kLocation];
  if (!variable.declaration && die_.has(dwarf::kLocation) &&
      location.type == ValueClass::kBlock) {
    dwarf::Expression expression;
    if (dwarf::ParseExpression(
            object_.info.content.substr(location.number, location.length),
            *unit_, object_.big_endian(), &expression) &&
        !expression.empty()) {
      const dwarf::Op& first = expression[0];
      if (first.code == dwarf::kOpAddr) {
        variable.is_global = true;
        variable.address = first.number;
        if (!object_.info.relocations.empty()) {
          variable.address =
              object_.info.relocations.Find(location.number + first.place)
                  .value_or(first.number);
        }
      } else if (first.code == dwarf::kOpAddrx ||
                 first.code == dwarf::kOpGnuAddrIndex) {
        const auto address = dwarf::AddressAt(object_, *unit_, first.number);
        if (address.ok()) {
          variable.is_global = true;
          variable.address = *address;
        }
      }
      if (variable.is_global && rules_.version >= PaholeVersion::k1_32 &&
          expression.size() == 2 &&
          expression[1].code == dwarf::kOpPlusUconst) {
        variable.address += expression[1].number;
      }
    }
  }
  const uint32_t index = graph_->variables.size();
  DeclTagsBelow([&](NameId value) {
    graph_->decl_tags.push_back({TagOwner::kVariable, index, value, -1});
  });
  graph_->map.Set(variable.die, index);
  graph_->variables.push_back(variable);
}

void Loader::Resolve(UnitGraph* graph) const {
  const auto type_at = [graph](uint32_t die) -> uint32_t {
    if (die == kNoDie) return 0;
    const uint32_t index = graph->map.Find(die, graph->types);
    return index == DieMap::kNotFound ? 0 : index;
  };
  for (size_t i = 1; i < graph->types.size(); ++i) {
    TypeNode& node = graph->types[i];
    node.target = type_at(node.target);
    if (node.kind == TypeKind::kSubroutine) {
      for (uint32_t k = 0; k < node.count; ++k) {
        ParameterNode& parameter = graph->parameters[node.first + k];
        parameter.target = type_at(parameter.target);
      }
    }
  }
  for (MemberNode& member : graph->members) {
    member.target = type_at(member.target);
  }
  std::vector<uint32_t> without_type;
  for (size_t i = 0; i < graph->variables.size(); ++i) {
    VariableNode& variable = graph->variables[i];
    if (variable.target == kNoDie && variable.origin != kNoDie) {
      without_type.push_back(i);
    }
    variable.target = type_at(variable.target);
  }
  // A variable in an instance of a function that is inlined elsewhere.
  for (const uint32_t i : without_type) {
    VariableNode& variable = graph->variables[i];
    const uint32_t origin = graph->map.Find(variable.origin, graph->variables);
    if (origin == DieMap::kNotFound) continue;
    variable.name = graph->variables[origin].name;
    variable.target = graph->variables[origin].target;
  }
  for (FunctionNode& function : graph->functions) {
    function.target = type_at(function.target);
    for (uint32_t k = 0; k < function.count; ++k) {
      ParameterNode& parameter = graph->parameters[function.first + k];
      parameter.target = type_at(parameter.target);
    }
  }
  for (const OldBitfield& old : graph->old_bitfields) {
    MemberNode& member = graph->members[old.member];
    uint64_t bytes = old.byte_size;
    if (bytes == 0) {
      uint32_t type = member.target;
      // As many steps as there are types: a circle ends.
      for (size_t step = 0; step < graph->types.size() && type != 0; ++step) {
        const TypeNode& node = graph->types[type];
        if (node.kind == TypeKind::kTypedef || node.kind == TypeKind::kConst ||
            node.kind == TypeKind::kVolatile) {
          type = node.target;
          continue;
        }
        bytes = node.size;
        break;
      }
    }
    if (object_.big_endian()) {
      member.bit_offset += static_cast<uint32_t>(old.bit_offset);
    } else {
      member.bit_offset +=
          static_cast<uint32_t>(bytes * 8 - old.bit_offset - member.bit_size);
    }
  }
}

}  // namespace btfd::encode
