// SPDX-License-Identifier: Apache-2.0
#include "lib/show/json_text.h"

#include "lib/show/labels.h"

namespace btfd::show {

namespace {

using btf::Btf;
using btf::Kind;
using btf::TypeRecord;
using util::JsonWriter;

void AddMembers(const Btf& btf, const TypeRecord& type, JsonWriter* json) {
  json->Add("size", type.size_or_type).Add("vlen", type.vlen());
  json->Open('[', "members");
  for (const btf::Member& member : type.members()) {
    const MemberPlace place = PlaceOf(type, member);
    json->Open('{')
        .Add("name", NameLabel(btf, member.name_off))
        .Add("type_id", member.type)
        .Add("bits_offset", place.bit_offset);
    if (place.bitfield_size != 0) {
      json->Add("bitfield_size", place.bitfield_size);
    }
    json->Close();
  }
  json->Close();
}

void AddValue(const char* name, bool is_signed, int64_t value,
              JsonWriter* json) {
  json->Open('{').Add("name", name);
  if (is_signed) {
    json->Add("val", value);
  } else {
    json->Add("val", static_cast<uint64_t>(value));
  }
  json->Close();
}

void AddEnum(const Btf& btf, const TypeRecord& type, JsonWriter* json) {
  json->Add("encoding", type.kflag() ? "SIGNED" : "UNSIGNED")
      .Add("size", type.size_or_type)
      .Add("vlen", type.vlen());
  json->Open('[', "values");
  if (type.kind() == Kind::kEnum) {
    for (const btf::Enumerator& value : type.enumerators()) {
      AddValue(NameLabel(btf, value.name_off), type.kflag(),
               ValueOf(type, value), json);
    }
  } else {
    for (const btf::Enumerator64& value : type.enumerators64()) {
      AddValue(NameLabel(btf, value.name_off), type.kflag(), ValueOf(value),
               json);
    }
  }
  json->Close();
}

void AddParams(const Btf& btf, const TypeRecord& type, JsonWriter* json) {
  json->Add("ret_type_id", type.size_or_type).Add("vlen", type.vlen());
  json->Open('[', "params");
  for (const btf::Param& param : type.params()) {
    json->Open('{')
        .Add("name", NameLabel(btf, param.name_off))
        .Add("type_id", param.type)
        .Close();
  }
  json->Close();
}

void AddVariables(const TypeRecord& type, JsonWriter* json) {
  json->Add("size", type.size_or_type).Add("vlen", type.vlen());
  json->Open('[', "vars");
  for (const btf::SectionVar& var : type.section_vars()) {
    json->Open('{')
        .Add("type_id", var.type)
        .Add("offset", var.offset)
        .Add("size", var.size)
        .Close();
  }
  json->Close();
}

void AddRest(const Btf& btf, const TypeRecord& type, JsonWriter* json) {
  switch (type.kind()) {
    case Kind::kInt: {
      const uint32_t word = type.tail()[0];
      json->Add("size", type.size_or_type)
          .Add("bits_offset", IntOffset(word))
          .Add("nr_bits", IntBits(word))
          .Add("encoding", EncodingLabel(IntEncoding(word)));
      break;
    }
    case Kind::kPtr:
    case Kind::kConst:
    case Kind::kVolatile:
    case Kind::kRestrict:
    case Kind::kTypedef:
    case Kind::kTypeTag:
      json->Add("type_id", type.size_or_type);
      break;
    case Kind::kArray:
      json->Add("type_id", type.array().element)
          .Add("index_type_id", type.array().index)
          .Add("nr_elems", type.array().count);
      break;
    case Kind::kStruct:
    case Kind::kUnion:
      AddMembers(btf, type, json);
      break;
    case Kind::kEnum:
    case Kind::kEnum64:
      AddEnum(btf, type, json);
      break;
    case Kind::kFwd:
      json->Add("fwd_kind", type.kflag() ? "union" : "struct");
      break;
    case Kind::kFunc:
      json->Add("type_id", type.size_or_type)
          .Add("linkage", LinkageLabel(type.vlen()));
      break;
    case Kind::kFuncProto:
      AddParams(btf, type, json);
      break;
    case Kind::kVar:
      json->Add("type_id", type.size_or_type)
          .Add("linkage", LinkageLabel(type.tail()[0]));
      break;
    case Kind::kDatasec:
      AddVariables(type, json);
      break;
    case Kind::kFloat:
      json->Add("size", type.size_or_type);
      break;
    case Kind::kDeclTag:
      json->Add("type_id", type.size_or_type)
          .Add("component_idx", int64_t{static_cast<int32_t>(type.tail()[0])});
      break;
    case Kind::kUnknown:
      break;
  }
}

}  // namespace

void AddJson(const Btf& btf, ShownType shown, JsonWriter* json) {
  const TypeRecord& type = btf.type(shown.id);
  json->Open('{').Add("id", shown.id);
  if (shown.declared_only) {
    json->Add("kind", KindLabel(static_cast<uint32_t>(Kind::kFwd)))
        .Add("name", NameLabel(btf, type.name_off))
        .Add("fwd_kind", type.kind() == Kind::kUnion ? "union" : "struct");
  } else {
    json->Add("kind", KindLabel(type.kind_number()))
        .Add("name", NameLabel(btf, type.name_off));
    AddRest(btf, type, json);
  }
  json->Close();
}

}  // namespace btfd::show
