// SPDX-License-Identifier: Apache-2.0
//
// A struct's members without a name of their own, and its members of nameless
// types, are written as members of the struct, where they lie in it:
//
//   struct s { int a; union { int b; long c; }; struct { int d; } e; };
//
// has the members a, b, c and e.d. So a change within is a change of s, with a
// name that people know.
#include "lib/diff/form.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/btf/kinds.h"
#include "lib/show/labels.h"
#include "lib/util/status_macros.h"

namespace btfd::diff {

namespace {

using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

bool IsAnonymousComposite(const btf::Btf& btf, TypeId id) {
  if (id >= btf.end_id()) return false;
  const TypeRecord& type = btf.type(id);
  return btf::IsComposite(type.kind()) && type.name_off == 0;
}

}  // namespace

const char* ClassWord(Class cls) {
  static constexpr const char* kWords[] = {"struct",   "union",    "enum",
                                           "constant", "typedef",  "type",
                                           "function", "variable", "kfunc"};
  return kWords[static_cast<int>(cls)];
}

std::optional<Class> ClassOf(const TypeRecord& type) {
  switch (type.kind()) {
    case Kind::kStruct:
      return Class::kStruct;
    case Kind::kUnion:
      return Class::kUnion;
    case Kind::kFwd:
      return type.kflag() ? Class::kUnion : Class::kStruct;
    case Kind::kEnum:
    case Kind::kEnum64:
      return Class::kEnum;
    case Kind::kTypedef:
      return Class::kTypedef;
    case Kind::kInt:
    case Kind::kFloat:
      return Class::kBasic;
    case Kind::kFunc:
      return Class::kFunction;
    case Kind::kVar:
      return Class::kVariable;
    default:
      return std::nullopt;
  }
}

Side::Side(const btf::Btf& btf, util::WorkBudget* work)
    : btf_(&btf),
      work_(work),
      texts_(std::make_unique<TypeTexts>(btf, work)),
      kept_(std::make_unique<std::deque<std::string>>()) {}

absl::StatusOr<Side> Side::Make(const btf::Btf& btf, util::WorkBudget* work) {
  Side side(btf, work);
  RETURN_IF_ERROR(side.Collect());
  return side;
}

absl::Status Side::status() const {
  return status_.ok() ? texts_->status() : status_;
}

absl::string_view Side::Keep(std::string text) {
  kept_->push_back(std::move(text));
  return kept_->back();
}

absl::Status Side::Collect() {
  // An enum that a type refers to is compared there.
  std::vector<bool> used(btf_->end_id());
  for (TypeId id = btf_->first_id(); id < btf_->end_id(); ++id) {
    const TypeRecord& type = btf_->own_type(id);
    if (type.kind() == Kind::kFwd) continue;
    btf::ForEachTypeField(type, [&](TypeId field) {
      if (field < used.size()) used[field] = true;
    });
  }
  for (TypeId id = btf_->first_id(); id < btf_->end_id(); ++id) {
    const TypeRecord& type = btf_->own_type(id);
    if (type.kind() == Kind::kDeclTag) {
      if (static_cast<int32_t>(type.tail()[0]) == -1) {
        tags_.push_back({type.size_or_type, id});
      }
      continue;
    }
    const std::optional<Class> cls = ClassOf(type);
    if (!cls.has_value()) continue;
    if (type.name_off != 0) {
      named_.push_back({*cls, btf_->name(id), id});
      work_->Spend(1 + named_.back().name.size());
    } else if (*cls == Class::kEnum && !used[id]) {
      CollectConstants(id);
    }
    RETURN_IF_ERROR(work_->Check());
  }
  std::sort(named_.begin(), named_.end(), [](const Named& a, const Named& b) {
    return std::tie(a.cls, a.name, a.id, a.index) <
           std::tie(b.cls, b.name, b.id, b.index);
  });
  std::sort(tags_.begin(), tags_.end());
  return absl::OkStatus();
}

void Side::CollectConstants(TypeId id) {
  const TypeRecord& type = btf_->own_type(id);
  for (uint32_t i = 0; i < type.vlen(); ++i) {
    const uint32_t name_off = type.kind() == Kind::kEnum
                                  ? type.enumerators()[i].name_off
                                  : type.enumerators64()[i].name_off;
    named_.push_back({Class::kConstant, btf_->string(name_off), id, i});
    work_->Spend(1 + named_.back().name.size());
    if (work_->exhausted()) return;
  }
}

absl::string_view Side::PrototypeOf(TypeId func) {
  const TypeRecord& type = btf_->type(func);
  return Keep(absl::StrCat(
      show::LinkageLabel(type.vlen()), " ",
      texts_->Prototype(type.size_or_type, btf_->string(type.name_off))));
}

Form Side::FormOf(const Named& named) {
  const TypeRecord& type = btf_->type(named.id);
  Form form;
  switch (named.cls) {
    case Class::kStruct:
    case Class::kUnion:
      form.declared_only = type.kind() == Kind::kFwd;
      if (form.declared_only) break;
      form.size = type.size_or_type;
      Flatten(named.id, "", 0, 0, &form.parts);
      break;
    case Class::kEnum:
      form.size = type.size_or_type;
      AddValues(named.id, &form.parts);
      break;
    case Class::kConstant:
      form.text = Keep(absl::StrCat(
          type.kind() == Kind::kEnum
              ? show::ValueOf(type, type.enumerators()[named.index])
              : show::ValueOf(type.enumerators64()[named.index])));
      break;
    case Class::kTypedef:
      FillTypedef(type, &form);
      break;
    case Class::kBasic:
      form.size = type.size_or_type;
      form.text =
          type.kind() == Kind::kFloat
              ? "float"
              : Keep(absl::StrCat(
                    show::EncodingLabel(show::IntEncoding(type.tail()[0])), " ",
                    show::IntBits(type.tail()[0]), " bits"));
      break;
    case Class::kFunction:
    case Class::kKfunc:
      form.text = PrototypeOf(named.id);
      break;
    case Class::kVariable:
      form.text = Keep(absl::StrCat(
          show::LinkageLabel(type.tail()[0]), " ",
          texts_->Declaration(type.size_or_type, btf_->string(type.name_off))));
      break;
  }
  if (named.cls != Class::kConstant) {
    for (auto tag = std::lower_bound(tags_.begin(), tags_.end(),
                                     std::make_pair(named.id, TypeId{0}));
         tag != tags_.end() && tag->first == named.id; ++tag) {
      form.tags.push_back(btf_->name(tag->second));
    }
    std::sort(form.tags.begin(), form.tags.end());
  }
  work_->Spend(1 + form.text.size() + 4 * form.parts.size());
  if (work_->exhausted() && status_.ok()) status_ = work_->Check();
  return form;
}

void Side::FillTypedef(const TypeRecord& type, Form* form) {
  const TypeId target = type.size_or_type;
  if (IsAnonymousComposite(*btf_, target)) {
    const TypeRecord& composite = btf_->type(target);
    form->text = composite.kind() == Kind::kStruct ? "struct" : "union";
    form->size = composite.size_or_type;
    Flatten(target, "", 0, 0, &form->parts);
  } else if (btf::IsAnyEnum(btf_->type(target).kind()) &&
             btf_->type(target).name_off == 0) {
    form->text = "enum";
    form->size = btf_->type(target).size_or_type;
    AddValues(target, &form->parts);
  } else {
    form->text = texts_->Of(target);
  }
}

void Side::AddValues(TypeId id, std::vector<Part>* parts) {
  const TypeRecord& type = btf_->type(id);
  const auto add = [&](uint32_t name_off, int64_t value) {
    Part part;
    part.name = btf_->string(name_off);
    part.value = value;
    parts->push_back(part);
    work_->Spend(1 + part.name.size());
  };
  if (type.kind() == Kind::kEnum) {
    for (const btf::Enumerator& value : type.enumerators()) {
      add(value.name_off, show::ValueOf(type, value));
      if (work_->exhausted()) return;
    }
  } else {
    for (const btf::Enumerator64& value : type.enumerators64()) {
      add(value.name_off, show::ValueOf(value));
      if (work_->exhausted()) return;
    }
  }
}

void Side::Flatten(TypeId id, const std::string& prefix, uint64_t bit_offset,
                   int depth, std::vector<Part>* parts) {
  if (depth > TypeTexts::kMaxDepth) {
    if (status_.ok()) {
      status_ = absl::InvalidArgumentError(
          absl::StrCat("type ", id, " is made of itself"));
    }
    return;
  }
  const TypeRecord& type = btf_->type(id);
  for (const btf::Member& member : type.members()) {
    const show::MemberPlace place = show::PlaceOf(type, member);
    const char* const name = btf_->string(member.name_off);
    if (IsAnonymousComposite(*btf_, member.type)) {
      const std::string inner =
          *name == '\0' ? prefix : absl::StrCat(prefix, name, ".");
      Flatten(member.type, inner, bit_offset + place.bit_offset, depth + 1,
              parts);
    } else {
      Part part;
      part.name = prefix.empty() ? name : Keep(absl::StrCat(prefix, name));
      part.type = texts_->Of(member.type);
      part.bit_offset = bit_offset + place.bit_offset;
      part.bitfield_size = place.bitfield_size;
      parts->push_back(part);
      work_->Spend(1 + part.name.size());
    }
    if (work_->exhausted() && status_.ok()) status_ = work_->Check();
    if (!status().ok()) return;
  }
}

}  // namespace btfd::diff
