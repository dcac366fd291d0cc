// SPDX-License-Identifier: Apache-2.0
//
// What most kinds have in common stands in a table: whether they may have a
// vlen, a kind flag, and which sort of name. The rest is a function a kind.
#include "lib/engine/kernel_check/types.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "lib/btf/scan.h"
#include "lib/util/status_macros.h"

namespace btfd::engine {

namespace {

using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

// Bytes of an identifier, and of a section's name (the kernel's KSYM_NAME_LEN).
constexpr uint32_t kMaxNameLength = 512;
// Bytes of a name that a message shows.
constexpr size_t kShownName = 64;
// INT: the bits of its word that have a meaning, and the widest integer.
constexpr uint32_t kIntBits = 0x0fffffff;
constexpr uint32_t kMaxIntBits = 128;

enum class Flag { kNone, kAny, kAttribute };
enum class NameForm {
  kNone,          // there must be none
  kAny,           // nobody looks
  kMayIdentify,   // none, or an identifier
  kMustIdentify,  // an identifier
  kSection,       // a section's
  kText,          // any but the empty one
};

// The kernel's ctype.h is Latin-1's.
bool IsLetter(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= 0xc0 && c != 0xd7 && c != 0xf7);
}
bool MayStartIdentifier(unsigned char c) {
  return IsLetter(c) || c == '_' || c == '.';
}
bool MayBeInIdentifier(unsigned char c) {
  return MayStartIdentifier(c) || (c >= '0' && c <= '9');
}
bool IsPrintable(unsigned char c) {
  return (c >= 0x20 && c < 0x7f) || c >= 0xa0;
}

// Up to one more than is allowed.
absl::string_view Head(const char* text) {
  return {text, strnlen(text, kMaxNameLength + 1)};
}

std::string TooLong() {
  return absl::StrCat("is longer than ", kMaxNameLength, " bytes");
}

uint32_t BytesFor(uint32_t bits) { return bits / 8 + (bits % 8 != 0); }

bool IsEnumSize(uint32_t bytes) {
  return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
}
bool IsFloatSize(uint32_t bytes) {
  return bytes == 2 || bytes == 4 || bytes == 8 || bytes == 12 || bytes == 16;
}

}  // namespace

struct KernelTypeCheck::KindRule {
  bool has_vlen;
  Flag flag;
  NameForm name;
};

const KernelTypeCheck::KindRule& KernelTypeCheck::RuleOf(Kind kind) {
  static constexpr KindRule kReference = {false, Flag::kNone, NameForm::kNone};
  static constexpr KindRule kNumber = {false, Flag::kNone, NameForm::kAny};
  static constexpr KindRule kList = {true, Flag::kAny, NameForm::kMayIdentify};
  static constexpr KindRule kFwd = {false, Flag::kAny, NameForm::kMustIdentify};
  static constexpr KindRule kNamed = {false, Flag::kNone,
                                      NameForm::kMustIdentify};
  static constexpr KindRule kFunc = {true, Flag::kNone,
                                     NameForm::kMustIdentify};
  static constexpr KindRule kProto = {true, Flag::kNone, NameForm::kNone};
  static constexpr KindRule kDatasec = {true, Flag::kNone, NameForm::kSection};
  static constexpr KindRule kTag = {false, Flag::kAttribute, NameForm::kText};
  switch (kind) {
    case Kind::kInt:
    case Kind::kFloat:
      return kNumber;
    case Kind::kStruct:
    case Kind::kUnion:
    case Kind::kEnum:
    case Kind::kEnum64:
      return kList;
    case Kind::kFwd:
      return kFwd;
    case Kind::kTypedef:
    case Kind::kVar:
      return kNamed;
    case Kind::kFunc:
      return kFunc;
    case Kind::kFuncProto:
      return kProto;
    case Kind::kDatasec:
      return kDatasec;
    case Kind::kDeclTag:
    case Kind::kTypeTag:
      return kTag;
    default:
      return kReference;
  }
}

absl::Status KernelTypeCheck::Check(TypeId id) const {
  const TypeRecord& type = btf_.own_type(id);
  RETURN_IF_ERROR(CheckInfo(id, type));
  RETURN_IF_ERROR(CheckName(id, type));
  switch (type.kind()) {
    case Kind::kInt:
      return CheckInt(id, type);
    case Kind::kArray:
      return CheckArray(id, type);
    case Kind::kStruct:
    case Kind::kUnion:
      return CheckMembers(id, type);
    case Kind::kEnum:
    case Kind::kEnum64:
      return CheckEnum(id, type);
    case Kind::kFwd:
      if (type.size_or_type == 0) return absl::OkStatus();
      return Refuse(id, absl::StrCat("its last word is ", type.size_or_type,
                                     ", and must be 0"));
    case Kind::kFunc:
      return CheckFunc(id, type);
    case Kind::kFuncProto:
      return CheckProto(id, type);
    case Kind::kVar:
      return CheckVar(id, type);
    case Kind::kDatasec:
      return CheckDatasec(id, type);
    case Kind::kFloat:
      if (IsFloatSize(type.size_or_type)) return absl::OkStatus();
      return Refuse(id, absl::StrCat("its size is ", type.size_or_type,
                                     ", and not 2, 4, 8, 12 or 16 bytes"));
    case Kind::kDeclTag:
      if (static_cast<int32_t>(type.tail()[0]) >= -1) return absl::OkStatus();
      return Refuse(id, absl::StrCat("its component index is ",
                                     static_cast<int32_t>(type.tail()[0]),
                                     ", and the least one is -1"));
    default:
      return absl::OkStatus();
  }
}

absl::Status KernelTypeCheck::CheckInfo(TypeId id,
                                        const TypeRecord& type) const {
  if ((type.info & ~rules_.info_bits) != 0) {
    return Refuse(id, absl::StrCat("its info word has bits set that this "
                                   "kernel does not know: 0x",
                                   absl::Hex(type.info & ~rules_.info_bits)));
  }
  if (type.kind_number() == 0 || type.kind_number() > btf::kMaxKnownKind) {
    return Refuse(id, "there is no such kind");
  }
  const KindRule& rule = RuleOf(type.kind());
  if (!rule.has_vlen && type.vlen() != 0) {
    return Refuse(id, absl::StrCat("its vlen is ", type.vlen(),
                                   ", and this kind has none"));
  }
  if (!type.kflag() || rule.flag == Flag::kAny) return absl::OkStatus();
  if (rule.flag == Flag::kNone) {
    return Refuse(id, "its kind flag is set, which means nothing here");
  }
  if (rules_.tag_attributes) return absl::OkStatus();
  return Refuse(id,
                "its kind flag makes it an attribute, which this kernel does "
                "not know yet");
}

std::string KernelTypeCheck::DefectOfName(uint32_t name_off) const {
  if (name_off > kMaxNameOffset) {
    return absl::StrCat("is at string offset ", name_off,
                        ", and the kernel looks no further than ",
                        kMaxNameOffset);
  }
  const absl::string_view name = Head(btf_.string(name_off));
  if (name.empty()) return "is empty";
  if (!MayStartIdentifier(name[0]) ||
      !std::all_of(name.begin(), name.end(), MayBeInIdentifier)) {
    return "is no identifier";
  }
  return name.size() > kMaxNameLength ? TooLong() : "";
}

absl::Status KernelTypeCheck::CheckName(TypeId id,
                                        const TypeRecord& type) const {
  const uint32_t name_off = type.name_off;
  const NameForm form = RuleOf(type.kind()).name;
  if (form == NameForm::kNone) {
    if (name_off == 0) return absl::OkStatus();
    return Refuse(id, "it has a name, and this kind has none");
  }
  if (name_off > kMaxNameOffset) {
    return Refuse(id, absl::StrCat("its name ", DefectOfName(name_off)));
  }
  if (form == NameForm::kAny ||
      (form == NameForm::kMayIdentify && name_off == 0)) {
    return absl::OkStatus();
  }
  const absl::string_view name = Head(btf_.string(name_off));
  if (name_off == 0 || name.empty()) {
    return Refuse(
        id, form == NameForm::kText ? "it has no text" : "its name is empty");
  }
  if (form == NameForm::kText) return absl::OkStatus();
  if (form == NameForm::kSection) {
    if (!std::all_of(name.begin(), name.end(), IsPrintable)) {
      return Refuse(id, "its name is not printable");
    }
    if (name.size() <= kMaxNameLength) return absl::OkStatus();
    return Refuse(id, absl::StrCat("its name ", TooLong()));
  }
  const std::string defect = DefectOfName(name_off);
  if (defect.empty()) return absl::OkStatus();
  return Refuse(id, absl::StrCat("its name ", defect));
}

absl::Status KernelTypeCheck::CheckInt(TypeId id,
                                       const TypeRecord& type) const {
  const uint32_t word = type.tail()[0];
  if ((word & ~kIntBits) != 0) {
    return Refuse(id, absl::StrCat("its description has bits set without a "
                                   "meaning: 0x",
                                   absl::Hex(word & ~kIntBits)));
  }
  const uint32_t offset = (word >> 16) & 0xff;
  const uint32_t bits = offset + (word & 0xff);
  if (bits > kMaxIntBits) {
    return Refuse(id, absl::StrCat("it ends at bit ", bits,
                                   ", and the widest "
                                   "integer has ",
                                   kMaxIntBits));
  }
  if (BytesFor(bits) > type.size_or_type) {
    return Refuse(id,
                  absl::StrCat("it ends at bit ", bits, ", and its size is ",
                               type.size_or_type, " bytes"));
  }
  const uint32_t encoding = word >> 24;
  if ((encoding & (encoding - 1)) != 0 || encoding > 4) {
    return Refuse(id, absl::StrCat("its encoding is ", encoding,
                                   ", and must be none or one of signed (1), "
                                   "char (2) and bool (4)"));
  }
  return absl::OkStatus();
}

absl::Status KernelTypeCheck::CheckArray(TypeId id,
                                         const TypeRecord& type) const {
  if (type.size_or_type != 0) {
    return Refuse(id, absl::StrCat("its last word is ", type.size_or_type,
                                   ", and must be 0"));
  }
  if (type.array().element == 0) return Refuse(id, "its elements are void");
  if (type.array().index == 0) return Refuse(id, "its index is void");
  return absl::OkStatus();
}

absl::Status KernelTypeCheck::CheckMembers(TypeId id,
                                           const TypeRecord& type) const {
  uint32_t last_offset = 0;
  uint32_t index = 0;
  for (const btf::Member& member : type.members()) {
    std::string defect;
    const uint32_t offset =
        type.kflag() ? member.offset & 0xffffff : member.offset;
    if (member.name_off != 0 && !DefectOfName(member.name_off).empty()) {
      defect = absl::StrCat("its name ", DefectOfName(member.name_off));
    } else if (member.type == 0) {
      defect = "it is void";
    } else if (type.kind() == Kind::kUnion && offset != 0) {
      defect = absl::StrCat("it is at bit ", offset,
                            ", and a union's members are at 0");
    } else if (offset < last_offset) {
      defect = absl::StrCat("it is at bit ", offset,
                            ", before the member before it");
    } else if (BytesFor(offset) > type.size_or_type) {
      defect = absl::StrCat("it is at bit ", offset, ", behind the ",
                            type.size_or_type, " bytes of the type");
    }
    if (!defect.empty()) {
      return RefuseMember(id, index, member.name_off, defect);
    }
    last_offset = offset;
    ++index;
  }
  return absl::OkStatus();
}

absl::Status KernelTypeCheck::CheckEnum(TypeId id,
                                        const TypeRecord& type) const {
  if (!IsEnumSize(type.size_or_type)) {
    return Refuse(id, absl::StrCat("its size is ", type.size_or_type,
                                   ", and not 1, 2, 4 or 8 bytes"));
  }
  uint32_t index = 0;
  if (type.kind() == Kind::kEnum) {
    for (const btf::Enumerator& value : type.enumerators()) {
      RETURN_IF_ERROR(CheckEnumerator(id, index++, value.name_off));
    }
  } else {
    for (const btf::Enumerator64& value : type.enumerators64()) {
      RETURN_IF_ERROR(CheckEnumerator(id, index++, value.name_off));
    }
  }
  return absl::OkStatus();
}

absl::Status KernelTypeCheck::CheckEnumerator(TypeId id, uint32_t index,
                                              uint32_t name_off) const {
  const std::string defect =
      name_off == 0 ? "is empty" : DefectOfName(name_off);
  if (defect.empty()) return absl::OkStatus();
  return RefuseMember(id, index, name_off, absl::StrCat("its name ", defect));
}

absl::Status KernelTypeCheck::CheckFunc(TypeId id,
                                        const TypeRecord& type) const {
  if (type.vlen() <= 1) return absl::OkStatus();
  return Refuse(id, absl::StrCat("its linkage is ", type.vlen(),
                                 ", and must be static (0) or global (1)"));
}

absl::Status KernelTypeCheck::CheckProto(TypeId id,
                                         const TypeRecord& type) const {
  if (type.size_or_type < btf_.end_id()) return absl::OkStatus();
  return Refuse(id, absl::StrCat("it returns type ", type.size_or_type,
                                 ", beyond the last type"));
}

absl::Status KernelTypeCheck::CheckVar(TypeId id,
                                       const TypeRecord& type) const {
  if (type.size_or_type == 0) return Refuse(id, "it is void");
  if (type.tail()[0] <= 1) return absl::OkStatus();
  return Refuse(id, absl::StrCat("its linkage is ", type.tail()[0],
                                 ", and must be static (0) or global (1)"));
}

absl::Status KernelTypeCheck::CheckDatasec(TypeId id,
                                           const TypeRecord& type) const {
  const uint32_t size = type.size_or_type;
  if (size == 0) return Refuse(id, "its size is 0");
  uint32_t end = 0;
  uint32_t index = 0;
  for (const btf::SectionVar& var : type.section_vars()) {
    std::string defect;
    if (var.type == 0) {
      defect = "it is void";
    } else if (var.offset < end) {
      defect = absl::StrCat("it is at offset ", var.offset,
                            ", within the one before it");
    } else if (var.size == 0) {
      defect = "its size is 0";
    } else if (uint64_t{var.offset} + var.size > size) {
      defect = absl::StrCat("it is at offset ", var.offset, " + ", var.size,
                            ", behind the ", size, " bytes of the section");
    }
    if (!defect.empty()) {
      return Refuse(id, absl::StrCat("variable ", index, ": ", defect));
    }
    end = var.offset + var.size;
    ++index;
  }
  return absl::OkStatus();
}

std::string KernelTypeCheck::Quoted(uint32_t name_off) const {
  const absl::string_view name = Head(btf_.string(name_off));
  return absl::StrCat(absl::CHexEscape(name.substr(0, kShownName)),
                      name.size() > kShownName ? "..." : "");
}

absl::Status KernelTypeCheck::Refuse(TypeId id,
                                     absl::string_view defect) const {
  const TypeRecord& type = btf_.own_type(id);
  return absl::InvalidArgumentError(absl::StrCat(
      what_, ": type ", id, " (", btf::KindName(type.kind_number()),
      type.name_off == 0 ? "" : " ",
      type.name_off == 0 ? "" : Quoted(type.name_off), "): ", defect));
}

absl::Status KernelTypeCheck::RefuseMember(TypeId id, uint32_t index,
                                           uint32_t name_off,
                                           absl::string_view defect) const {
  return Refuse(
      id, absl::StrCat(
              "member ", index,
              name_off == 0 ? "" : absl::StrCat(" (", Quoted(name_off), ")"),
              ": ", defect));
}

}  // namespace btfd::engine
