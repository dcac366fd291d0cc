// SPDX-License-Identifier: Apache-2.0
#include "lib/encode/types.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/dwarf/constants.h"
#include "lib/util/status_macros.h"

namespace btfd::encode {

using btf::Kind;

namespace {

// The encoding of an INT, bits 24 to 27 of its tail.
constexpr uint32_t kIntSigned = 1;
constexpr uint32_t kIntBool = 4;
constexpr uint32_t kMostBitfieldOffset = 0xffffff;

bool IsPowerOfTwo(uint32_t n) { return n != 0 && (n & (n - 1)) == 0; }

}  // namespace

TypeEncoder::TypeEncoder(const Rules& rules, const Features& features,
                         NameTable* names, Builder* builder)
    : rules_(rules),
      features_(features),
      names_(names),
      builder_(builder),
      int_(names->Intern("int")) {}

void TypeEncoder::PlanAll(const UnitGraph& graph, TypePlan* plan) const {
  const size_t count = graph.types.size();
  plan->ids.assign(count, 0);
  plan->made.assign(count, false);
  BtfId next = builder_->next_id();
  for (size_t i = 1; i < count; ++i) {
    const uint32_t records = RecordCount(graph.types[i], rules_);
    if (records == 0) continue;
    next += records;
    plan->ids[i] = next - 1;
    plan->made[i] = true;
  }
}

absl::Status TypeEncoder::Refused(const TypeNode& node,
                                  absl::string_view what) const {
  return absl::FailedPreconditionError(
      absl::StrFormat("DIE at offset %#x of its unit: '%s': %s", node.die,
                      names_->text(node.name), what));
}

// The first base type that is called exactly `int`; where a unit has none, the
// type that will be added behind its types.
void TypeEncoder::FindIndexType(const UnitGraph& graph, const TypePlan& plan) {
  if (index_type_known_) return;
  BtfId next = builder_->next_id();
  for (size_t i = 1; i < graph.types.size(); ++i) {
    const TypeNode& node = graph.types[i];
    if (node.kind == TypeKind::kBase && node.name == int_) {
      index_type_ = plan.ids[i];
      index_type_known_ = true;
      return;
    }
    if (plan.made[i]) next += RecordCount(node, rules_);
  }
  index_type_ = next;
}

absl::Status TypeEncoder::Encode(const UnitGraph& graph, const TypePlan& plan) {
  FindIndexType(graph, plan);
  index_type_used_ = false;
  for (size_t i = 1; i < graph.types.size(); ++i) {
    if (!plan.made[i]) continue;
    RETURN_IF_ERROR(EncodeNode(graph, graph.types[i], plan));
  }
  if (index_type_used_ && !index_type_known_) {
    builder_->Add(Kind::kInt, int_, 4);
    builder_->Tail(kIntSigned << 24 | 32);
    index_type_known_ = true;
  }
  // Tags of structs, unions and typedefs, by the type they are of.
  std::vector<const DeclTagNode*> tags;
  for (const DeclTagNode& tag : graph.decl_tags) {
    if (tag.owner_kind != TagOwner::kType || plan.ids[tag.owner] == 0 ||
        graph.types[tag.owner].is_class) {
      continue;
    }
    tags.push_back(&tag);
  }
  std::stable_sort(tags.begin(), tags.end(),
                   [](const DeclTagNode* a, const DeclTagNode* b) {
                     return a->owner < b->owner;
                   });
  for (const DeclTagNode* tag : tags) {
    // Of a type that an earlier unit made, too: that one may have been without.
    if (!made_tags_.insert({plan.ids[tag->owner], tag->value, tag->component})
             .second) {
      continue;
    }
    builder_->Add(Kind::kDeclTag, tag->value, plan.ids[tag->owner]);
    builder_->Tail(static_cast<uint32_t>(tag->component));
  }
  return absl::OkStatus();
}

absl::Status TypeEncoder::EncodeNode(const UnitGraph& graph,
                                     const TypeNode& node,
                                     const TypePlan& plan) {
  switch (node.kind) {
    case TypeKind::kVoid:
    case TypeKind::kUnspecified:
      return absl::OkStatus();
    case TypeKind::kBase:
      return Base(node);
    case TypeKind::kPointer:
      builder_->Add(Kind::kPtr, 0, plan.ids[node.target]);
      return absl::OkStatus();
    case TypeKind::kConst:
      builder_->Add(Kind::kConst, 0, plan.ids[node.target]);
      return absl::OkStatus();
    case TypeKind::kVolatile:
      builder_->Add(Kind::kVolatile, 0, plan.ids[node.target]);
      return absl::OkStatus();
    case TypeKind::kRestrict:
      builder_->Add(Kind::kRestrict, 0, plan.ids[node.target]);
      return absl::OkStatus();
    case TypeKind::kTypedef:
      if (node.name == 0) return Refused(node, "a typedef without a name");
      builder_->Add(Kind::kTypedef, node.name, plan.ids[node.target]);
      return absl::OkStatus();
    case TypeKind::kTypeTag:
      builder_->Add(Kind::kTypeTag, node.name, plan.ids[node.target]);
      return absl::OkStatus();
    case TypeKind::kStruct:
    case TypeKind::kUnion:
      return Composite(graph, node, plan);
    case TypeKind::kEnum:
      return Enumeration(graph, node);
    case TypeKind::kArray:
      Array(graph, node, plan);
      return absl::OkStatus();
    case TypeKind::kSubroutine:
      Prototype(graph, node, plan);
      return absl::OkStatus();
    case TypeKind::kUnsupported:
      return Refused(node, absl::StrFormat("unsupported tag %#x", node.first));
  }
  return absl::InternalError("a kind of type that is not known");
}

absl::Status TypeEncoder::Base(const TypeNode& node) {
  // Sizes are kept in 16 bits of bits.
  const uint32_t bits = (node.size * 8) & 0xffff;
  uint32_t size = (bits + 7) / 8;
  if (node.name == 0) return Refused(node, "a base type without a name");
  const bool floating = node.encoding == dwarf::kAteFloat ||
                        node.encoding == dwarf::kAteComplexFloat ||
                        node.encoding == dwarf::kAteImaginaryFloat;
  if (floating && features_.floats) {
    if (node.encoding != dwarf::kAteFloat) {
      return Refused(node, "complex and imaginary numbers have no BTF");
    }
    if (size != 2 && size != 4 && size != 8 && size != 12 && size != 16) {
      return Refused(node, absl::StrCat("a float of ", size, " bytes"));
    }
    builder_->Add(Kind::kFloat, node.name, size);
    return absl::OkStatus();
  }
  const bool is_signed = node.encoding == dwarf::kAteSigned ||
                         node.encoding == dwarf::kAteSignedChar;
  const uint32_t encoding = is_signed                             ? kIntSigned
                            : node.encoding == dwarf::kAteBoolean ? kIntBool
                                                                  : 0;
  NameId name = node.name;
  if (!IsPowerOfTwo(size) || (rules_.wide_ints_fake && size > 16)) {
    name = names_->Intern("__SANITIZED_FAKE_INT__");
    size = 4;
  }
  if (size > 16) {
    return Refused(node, absl::StrCat("an integer of ", size, " bytes"));
  }
  builder_->Add(Kind::kInt, name, size);
  builder_->Tail(encoding << 24 | size * 8);
  return absl::OkStatus();
}

absl::Status TypeEncoder::Composite(const UnitGraph& graph,
                                    const TypeNode& node,
                                    const TypePlan& plan) {
  const bool is_union = node.kind == TypeKind::kUnion;
  if (node.declaration) {
    if (node.name == 0) {
      return Refused(node, "a forward declaration without a name");
    }
    builder_->Add(Kind::kFwd, node.name, 0, 0, is_union);
    return absl::OkStatus();
  }
  if (node.count > btf::kMaxVlen) return Refused(node, "too many members");
  const BtfId id = builder_->Add(is_union ? Kind::kUnion : Kind::kStruct,
                                 node.name, node.size, node.count);
  bool bitfields = false;
  for (uint32_t i = 0; i < node.count; ++i) {
    const MemberNode& member = graph.members[node.first + i];
    const bool is_bitfield = member.bit_size != 0 || member.bit_offset % 8 != 0;
    if (is_union && member.bit_offset != 0) {
      return Refused(node, "a member of a union is not at its start");
    }
    if (is_bitfield &&
        (member.bit_size == 0 || member.bit_offset > kMostBitfieldOffset)) {
      return Refused(node, "a member is at a place that BTF cannot say");
    }
    bitfields |= is_bitfield;
    builder_->Tail(builder_->String(member.name));
    builder_->Tail(plan.ids[member.target]);
    builder_->Tail(member.bit_offset | static_cast<uint32_t>(member.bit_size)
                                           << 24);
  }
  if (bitfields) builder_->SetKflag(id);
  return absl::OkStatus();
}

absl::Status TypeEncoder::Enumeration(const UnitGraph& graph,
                                      const TypeNode& node) {
  const uint32_t size = node.has_size ? node.size : 4;
  const bool wide = size > 4 && features_.enum64;
  if (!IsPowerOfTwo(size) || size > 8) {
    return Refused(node, absl::StrCat("an enumeration of ", size, " bytes"));
  }
  if (node.count > btf::kMaxVlen) return Refused(node, "too many enumerators");
  bool is_signed = false;
  if (wide && node.target != 0) {
    const TypeNode& underlying = graph.types[node.target];
    is_signed = underlying.kind == TypeKind::kBase &&
                (underlying.encoding == dwarf::kAteSigned ||
                 underlying.encoding == dwarf::kAteSignedChar);
  }
  const BtfId id = builder_->Add(wide ? Kind::kEnum64 : Kind::kEnum, node.name,
                                 size, node.count, is_signed);
  bool negative = false;
  for (uint32_t i = 0; i < node.count; ++i) {
    const EnumeratorNode& enumerator = graph.enumerators[node.first + i];
    if (enumerator.name == 0) {
      return Refused(node, "an enumerator without a name");
    }
    builder_->Tail(builder_->String(enumerator.name));
    if (wide) {
      builder_->Tail(static_cast<uint32_t>(enumerator.value));
      builder_->Tail(static_cast<uint32_t>(enumerator.value >> 32));
      continue;
    }
    const int64_t value = features_.enum64
                              ? static_cast<int64_t>(enumerator.value)
                              : static_cast<uint32_t>(enumerator.value);
    if (value < INT32_MIN || value > int64_t{UINT32_MAX}) {
      return Refused(node, "an enumerator does not fit 32 bits");
    }
    negative |= value < 0;
    builder_->Tail(static_cast<uint32_t>(value));
  }
  if (negative) builder_->SetKflag(id);
  return absl::OkStatus();
}

void TypeEncoder::Array(const UnitGraph& graph, const TypeNode& node,
                        const TypePlan& plan) {
  index_type_used_ = true;
  const auto add = [this](BtfId element, uint32_t count) {
    const BtfId id = builder_->Add(Kind::kArray, 0, 0);
    builder_->Tail(element);
    builder_->Tail(index_type_);
    builder_->Tail(count);
    return id;
  };
  const BtfId element = plan.ids[node.target];
  if (!rules_.arrays_nest || node.count <= 1) {
    uint32_t product = 1;
    for (uint32_t i = 0; i < node.count; ++i) {
      product *= graph.dimensions[node.first + i];
    }
    add(element, product);
    return;
  }
  // The last dimension is the innermost array.
  BtfId inner = element;
  for (uint32_t i = node.count; i-- > 0;) {
    inner = add(inner, graph.dimensions[node.first + i]);
  }
}

void TypeEncoder::Prototype(const UnitGraph& graph, const TypeNode& node,
                            const TypePlan& plan) {
  builder_->Add(Kind::kFuncProto, 0, plan.ids[node.target],
                node.count + (node.varargs ? 1 : 0));
  for (uint32_t i = 0; i < node.count; ++i) {
    const ParameterNode& parameter = graph.parameters[node.first + i];
    builder_->Tail(builder_->String(parameter.name));
    builder_->Tail(plan.ids[parameter.target]);
  }
  if (node.varargs) {
    builder_->Tail(0);
    builder_->Tail(0);
  }
}

}  // namespace btfd::encode
