// SPDX-License-Identifier: Apache-2.0
#include "lib/show/raw_text.h"

#include "absl/strings/str_cat.h"
#include "lib/btf/kinds.h"
#include "lib/show/labels.h"

namespace btfd::show {

namespace {

using absl::StrAppend;
using btf::Btf;
using btf::Kind;
using btf::TypeRecord;

void AppendMembers(const Btf& btf, const TypeRecord& type, std::string* out) {
  StrAppend(out, " size=", type.size_or_type, " vlen=", type.vlen());
  for (const btf::Member& member : type.members()) {
    const MemberPlace place = PlaceOf(type, member);
    StrAppend(out, "\n\t'", NameLabel(btf, member.name_off),
              "' type_id=", member.type, " bits_offset=", place.bit_offset);
    if (place.bitfield_size != 0) {
      StrAppend(out, " bitfield_size=", place.bitfield_size);
    }
  }
}

void AppendEnum(const Btf& btf, const TypeRecord& type, std::string* out) {
  StrAppend(out, " encoding=", type.kflag() ? "SIGNED" : "UNSIGNED",
            " size=", type.size_or_type, " vlen=", type.vlen());
  if (type.kind() == Kind::kEnum) {
    for (const btf::Enumerator& value : type.enumerators()) {
      StrAppend(out, "\n\t'", NameLabel(btf, value.name_off),
                "' val=", ValueOf(type, value));
    }
    return;
  }
  for (const btf::Enumerator64& value : type.enumerators64()) {
    StrAppend(out, "\n\t'", NameLabel(btf, value.name_off), "' val=");
    if (type.kflag()) {
      StrAppend(out, ValueOf(value), "LL");
    } else {
      StrAppend(out, static_cast<uint64_t>(ValueOf(value)), "ULL");
    }
  }
}

void AppendParams(const Btf& btf, const TypeRecord& type, std::string* out) {
  StrAppend(out, " ret_type_id=", type.size_or_type, " vlen=", type.vlen());
  for (const btf::Param& param : type.params()) {
    StrAppend(out, "\n\t'", NameLabel(btf, param.name_off),
              "' type_id=", param.type);
  }
}

void AppendVariables(const Btf& btf, const TypeRecord& type, std::string* out) {
  StrAppend(out, " size=", type.size_or_type, " vlen=", type.vlen());
  for (const btf::SectionVar& var : type.section_vars()) {
    const TypeRecord& variable = btf.type(var.type);
    StrAppend(out, "\n\ttype_id=", var.type, " offset=", var.offset,
              " size=", var.size);
    StrAppend(out, " (", KindLabel(variable.kind_number()), " '",
              NameLabel(btf, variable.name_off), "')");
  }
}

void AppendRest(const Btf& btf, const TypeRecord& type, std::string* out) {
  switch (type.kind()) {
    case Kind::kInt: {
      const uint32_t word = type.tail()[0];
      StrAppend(out, " size=", type.size_or_type,
                " bits_offset=", IntOffset(word), " nr_bits=", IntBits(word),
                " encoding=");
      StrAppend(out, EncodingLabel(IntEncoding(word)));
      break;
    }
    case Kind::kPtr:
    case Kind::kConst:
    case Kind::kVolatile:
    case Kind::kRestrict:
    case Kind::kTypedef:
    case Kind::kTypeTag:
      StrAppend(out, " type_id=", type.size_or_type);
      break;
    case Kind::kArray:
      StrAppend(out, " type_id=", type.array().element,
                " index_type_id=", type.array().index,
                " nr_elems=", type.array().count);
      break;
    case Kind::kStruct:
    case Kind::kUnion:
      AppendMembers(btf, type, out);
      break;
    case Kind::kEnum:
    case Kind::kEnum64:
      AppendEnum(btf, type, out);
      break;
    case Kind::kFwd:
      StrAppend(out, " fwd_kind=", type.kflag() ? "union" : "struct");
      break;
    case Kind::kFunc:
      StrAppend(out, " type_id=", type.size_or_type,
                " linkage=", LinkageLabel(type.vlen()));
      break;
    case Kind::kFuncProto:
      AppendParams(btf, type, out);
      break;
    case Kind::kVar:
      StrAppend(out, " type_id=", type.size_or_type,
                ", linkage=", LinkageLabel(type.tail()[0]));
      break;
    case Kind::kDatasec:
      AppendVariables(btf, type, out);
      break;
    case Kind::kFloat:
      StrAppend(out, " size=", type.size_or_type);
      break;
    case Kind::kDeclTag:
      StrAppend(out, " type_id=", type.size_or_type,
                " component_idx=", static_cast<int32_t>(type.tail()[0]));
      break;
    case Kind::kUnknown:
      break;
  }
}

}  // namespace

void AppendRawText(const Btf& btf, ShownType shown, std::string* out) {
  const TypeRecord& type = btf.type(shown.id);
  StrAppend(out, "[", shown.id, "] ",
            KindLabel(shown.declared_only ? static_cast<uint32_t>(Kind::kFwd)
                                          : type.kind_number()));
  StrAppend(out, " '", NameLabel(btf, type.name_off), "'");
  if (shown.declared_only) {
    StrAppend(out,
              " fwd_kind=", type.kind() == Kind::kUnion ? "union" : "struct");
  } else {
    AppendRest(btf, type, out);
  }
  *out += '\n';
}

}  // namespace btfd::show
