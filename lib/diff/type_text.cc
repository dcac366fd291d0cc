// SPDX-License-Identifier: Apache-2.0
#include "lib/diff/type_text.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/btf/kinds.h"
#include "lib/show/labels.h"

namespace btfd::diff {

namespace {

using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

const char* ModifierWord(Kind kind) {
  switch (kind) {
    case Kind::kConst:
      return "const";
    case Kind::kVolatile:
      return "volatile";
    default:
      return "restrict";
  }
}

}  // namespace

TypeTexts::TypeTexts(const btf::Btf& btf, util::WorkBudget* work)
    : btf_(btf), work_(work), parts_(btf.end_id()), whole_(btf.end_id()) {}

void TypeTexts::Fail(absl::Status status) {
  if (status_.ok()) status_ = std::move(status);
}

absl::string_view TypeTexts::Of(TypeId id) {
  if (id < whole_.size() && whole_[id] != nullptr) return *whole_[id];
  const Text& parts = Parts(id);
  if (id >= whole_.size()) return parts.left;
  whole_[id] =
      std::make_unique<std::string>(absl::StrCat(parts.left, parts.right));
  return *whole_[id];
}

std::string TypeTexts::Declaration(TypeId id, absl::string_view name) {
  const Text& parts = Parts(id);
  const bool close =
      absl::EndsWith(parts.left, "*") || absl::EndsWith(parts.left, "(");
  return absl::StrCat(parts.left, close || name.empty() ? "" : " ", name,
                      parts.right);
}

std::string TypeTexts::Prototype(TypeId proto, absl::string_view name) {
  const TypeRecord& type = btf_.type(proto);
  if (type.kind() != Kind::kFuncProto) return Declaration(proto, name);
  const Text returns = Parts(type.size_or_type);
  return absl::StrCat(returns.left,
                      absl::EndsWith(returns.left, "*") ? "" : " ", name,
                      Params(type, /*names=*/true), returns.right);
}

const TypeTexts::Text& TypeTexts::Parts(TypeId id) {
  if (id >= btf_.end_id()) {
    Fail(absl::InvalidArgumentError(absl::StrCat("a type refers to type ", id,
                                                 ", and the last one is ",
                                                 btf_.end_id() - 1)));
    return unknown_;
  }
  if (parts_[id] != nullptr) return *parts_[id];
  if (!status_.ok()) return unknown_;
  if (depth_ == kMaxDepth) {
    Fail(absl::InvalidArgumentError(absl::StrCat(
        "type ", id, " is nested more than ", kMaxDepth,
        " types deep without a name between, or is made of itself")));
    return unknown_;
  }
  ++depth_;
  Text text = Make(id);
  --depth_;
  work_->Spend(1 + text.left.size() + text.right.size());
  if (work_->exhausted()) Fail(work_->Check());
  if (!status_.ok()) return unknown_;
  parts_[id] = std::make_unique<Text>(std::move(text));
  return *parts_[id];
}

TypeTexts::Text TypeTexts::Make(TypeId id) {
  if (id == 0) return {"void", ""};
  const TypeRecord& type = btf_.type(id);
  const char* const name = show::NameLabel(btf_, type.name_off);
  switch (type.kind()) {
    case Kind::kStruct:
    case Kind::kUnion:
    case Kind::kEnum:
    case Kind::kEnum64:
      if (type.name_off == 0) return {Anonymous(id), ""};
      return {absl::StrCat(type.kind() == Kind::kStruct  ? "struct "
                           : type.kind() == Kind::kUnion ? "union "
                                                         : "enum ",
                           name),
              ""};
    case Kind::kFwd:
      return {absl::StrCat(type.kflag() ? "union " : "struct ", name), ""};
    case Kind::kPtr:
      return Pointer(type.size_or_type);
    case Kind::kArray: {
      Text text = Parts(type.array().element);
      text.right = absl::StrCat("[", type.array().count, "]", text.right);
      return text;
    }
    case Kind::kFuncProto: {
      Text text = Parts(type.size_or_type);
      if (!absl::EndsWith(text.left, "*")) text.left += ' ';
      text.right = absl::StrCat(Params(type, /*names=*/false), text.right);
      return text;
    }
    case Kind::kConst:
    case Kind::kVolatile:
    case Kind::kRestrict: {
      Text text = Parts(type.size_or_type);
      const char* const word = ModifierWord(type.kind());
      text.left = absl::EndsWith(text.left, "*")
                      ? absl::StrCat(text.left, word)
                      : absl::StrCat(word, " ", text.left);
      return text;
    }
    case Kind::kTypeTag: {
      Text text = Parts(type.size_or_type);
      absl::StrAppend(&text.left, type.kflag() ? " __attribute__((" : " __",
                      name, type.kflag() ? "))" : "");
      return text;
    }
    default:
      return {name, ""};  // INT, FLOAT, TYPEDEF; the others are used by nobody
  }
}

// A pointer to an array or function stands in brackets before their right side.
TypeTexts::Text TypeTexts::Pointer(TypeId target) {
  const Text& to = Parts(target);
  if (absl::StartsWith(to.right, "[") || absl::StartsWith(to.right, "(")) {
    const bool close =
        absl::EndsWith(to.left, " ") || absl::EndsWith(to.left, "*");
    return {absl::StrCat(to.left, close ? "" : " ", "(*"),
            absl::StrCat(")", to.right)};
  }
  return {absl::StrCat(to.left, absl::EndsWith(to.left, "*") ? "*" : " *"),
          to.right};
}

std::string TypeTexts::Params(const TypeRecord& proto, bool names) {
  if (proto.vlen() == 0) return "(void)";
  std::string text = "(";
  for (uint32_t i = 0; i < proto.vlen() && status_.ok(); ++i) {
    const btf::Param& param = proto.params()[i];
    if (i > 0) text += ", ";
    if (param.type == 0 && i + 1 == proto.vlen()) {
      text += "...";
    } else if (names) {
      text += Declaration(param.type, btf_.string(param.name_off));
    } else {
      absl::StrAppend(&text, Of(param.type));
    }
    work_->Spend(text.size() - text.size() / 2);
    if (work_->exhausted()) Fail(work_->Check());
  }
  text += ')';
  return text;
}

std::string TypeTexts::Anonymous(TypeId id) {
  const TypeRecord& type = btf_.type(id);
  std::string text = absl::StrCat(type.kind() == Kind::kStruct  ? "struct"
                                  : type.kind() == Kind::kUnion ? "union"
                                                                : "enum",
                                  ":", type.size_or_type, " {");
  if (type.kind() == Kind::kEnum) {
    for (const btf::Enumerator& value : type.enumerators()) {
      absl::StrAppend(&text, " ", btf_.string(value.name_off), " = ",
                      show::ValueOf(type, value), ",");
    }
  } else if (type.kind() == Kind::kEnum64) {
    for (const btf::Enumerator64& value : type.enumerators64()) {
      absl::StrAppend(&text, " ", btf_.string(value.name_off), " = ",
                      show::ValueOf(value), ",");
    }
  } else {
    for (const btf::Member& member : type.members()) {
      const show::MemberPlace place = show::PlaceOf(type, member);
      absl::StrAppend(&text, " ",
                      Declaration(member.type, btf_.string(member.name_off)));
      if (place.bitfield_size != 0) {
        absl::StrAppend(&text, ":", place.bitfield_size);
      }
      absl::StrAppend(&text, " @", place.bit_offset, ";");
      work_->Spend(1);
      if (work_->exhausted()) Fail(work_->Check());
      if (!status_.ok()) break;
    }
  }
  text += " }";
  return text;
}

}  // namespace btfd::diff
