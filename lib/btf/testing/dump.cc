// SPDX-License-Identifier: Apache-2.0
#include "lib/btf/testing/dump.h"

#include <memory_resource>

#include "absl/strings/str_cat.h"
#include "lib/btf/scan.h"

namespace btfd::btf::testing {

namespace {

std::string Quoted(const Btf& btf, uint32_t offset) {
  if (offset >= btf.str_end()) return absl::StrCat("?", offset);
  return absl::StrCat("'", btf.string(offset), "'");
}

void DumpTail(const Btf& btf, const TypeRecord& type, std::string* out) {
  switch (type.kind()) {
    case Kind::kArray:
      absl::StrAppend(out, " element=", type.array().element,
                      " index=", type.array().index,
                      " count=", type.array().count);
      break;
    case Kind::kStruct:
    case Kind::kUnion:
      for (const Member& m : type.members()) {
        absl::StrAppend(out, "\n    ", Quoted(btf, m.name_off),
                        " type=", m.type, " offset=", m.offset);
      }
      break;
    case Kind::kEnum:
      for (const Enumerator& e : type.enumerators()) {
        absl::StrAppend(out, "\n    ", Quoted(btf, e.name_off),
                        " value=", e.value);
      }
      break;
    case Kind::kEnum64:
      for (const Enumerator64& e : type.enumerators64()) {
        absl::StrAppend(out, "\n    ", Quoted(btf, e.name_off),
                        " value=", uint64_t{e.hi32} << 32 | e.lo32);
      }
      break;
    case Kind::kFuncProto:
      for (const Param& p : type.params()) {
        absl::StrAppend(out, "\n    ", Quoted(btf, p.name_off),
                        " type=", p.type);
      }
      break;
    case Kind::kDatasec:
      for (const SectionVar& v : type.section_vars()) {
        absl::StrAppend(out, "\n    type=", v.type, " offset=", v.offset,
                        " size=", v.size);
      }
      break;
    case Kind::kInt:
      absl::StrAppend(out, " encoding=0x", absl::Hex(type.tail()[0]));
      break;
    case Kind::kVar:
      absl::StrAppend(out, " linkage=", type.tail()[0]);
      break;
    case Kind::kDeclTag:
      absl::StrAppend(out, " component=", static_cast<int32_t>(type.tail()[0]));
      break;
    default:
      break;
  }
}

}  // namespace

std::string Dump(const Btf& btf) {
  std::string out;
  for (TypeId id = btf.first_id(); id < btf.end_id(); ++id) {
    const TypeRecord& type = btf.own_type(id);
    absl::StrAppend(
        &out, "[", id, "] ", KindName(type.kind_number()), " ",
        Quoted(btf, type.name_off),
        ThirdWordIsType(type.kind()) ? " type=" : " size=", type.size_or_type);
    if (type.kind() == Kind::kFunc) {
      absl::StrAppend(&out, " linkage=", type.vlen());
    }
    if (type.kflag()) absl::StrAppend(&out, " kflag");
    DumpTail(btf, type, &out);
    out.push_back('\n');
  }
  return out;
}

std::string Dump(absl::string_view raw, const Base* base) {
  const auto btf =
      Btf::Parse(raw, base, "BTF", std::pmr::new_delete_resource());
  if (!btf.ok()) return std::string(btf.status().message());
  return Dump(*btf);
}

}  // namespace btfd::btf::testing
