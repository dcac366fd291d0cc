// SPDX-License-Identifier: Apache-2.0
#include "tests/pahole/btf_text.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "lib/btf/base.h"
#include "lib/btf/btf.h"

namespace btfd::tests {

namespace {

const char* const kKindNames[] = {
    "UNKNOWN", "INT",     "PTR",   "ARRAY",    "STRUCT",   "UNION", "ENUM",
    "FWD",     "TYPEDEF", "VOL",   "CONST",    "RESTRICT", "FUNC",  "PROTO",
    "VAR",     "DATASEC", "FLOAT", "DECL_TAG", "TYPE_TAG", "ENUM64"};

std::string TypeText(const btf::Btf& btf, btf::TypeId id) {
  const btf::TypeRecord& type = btf.type(id);
  const uint32_t number = type.kind_number();
  std::string text = absl::StrCat(
      "[", id, "] ", number <= btf::kMaxKnownKind ? kKindNames[number] : "?",
      " '", btf.string(type.name_off), "'");
  if (type.kflag()) absl::StrAppend(&text, " kflag");
  absl::StrAppend(&text,
                  btf::ThirdWordIsType(type.kind()) ? " type=" : " size=",
                  type.size_or_type);
  switch (type.kind()) {
    case btf::Kind::kInt:
    case btf::Kind::kVar:
    case btf::Kind::kDeclTag:
      absl::StrAppend(&text, " word=", absl::Hex(type.tail()[0]));
      break;
    case btf::Kind::kFunc:
      absl::StrAppend(&text, " linkage=", type.vlen());
      break;
    case btf::Kind::kArray:
      absl::StrAppend(&text, " of=", type.array().element,
                      " index=", type.array().index,
                      " count=", type.array().count);
      break;
    case btf::Kind::kStruct:
    case btf::Kind::kUnion:
      for (const btf::Member& member : type.members()) {
        absl::StrAppend(&text, "; ", btf.string(member.name_off), " ",
                        member.type, " @", absl::Hex(member.offset));
      }
      break;
    case btf::Kind::kEnum:
      for (const btf::Enumerator& value : type.enumerators()) {
        absl::StrAppend(&text, "; ", btf.string(value.name_off), "=",
                        absl::Hex(value.value));
      }
      break;
    case btf::Kind::kEnum64:
      for (const btf::Enumerator64& value : type.enumerators64()) {
        absl::StrAppend(&text, "; ", btf.string(value.name_off), "=",
                        absl::Hex(uint64_t{value.hi32} << 32 | value.lo32));
      }
      break;
    case btf::Kind::kFuncProto:
      for (const btf::Param& param : type.params()) {
        absl::StrAppend(&text, "; ", btf.string(param.name_off), " ",
                        param.type);
      }
      break;
    case btf::Kind::kDatasec:
      for (const btf::SectionVar& var : type.section_vars()) {
        absl::StrAppend(&text, "; ", var.type, " @", var.offset, "+", var.size);
      }
      break;
    default:
      break;
  }
  return text;
}

}  // namespace

std::vector<std::string> BtfText(const std::string& raw,
                                 const std::string& raw_base) {
  std::shared_ptr<const btf::Base> base;
  if (!raw_base.empty()) {
    auto built = btf::Base::Build(raw_base);
    if (!built.ok()) return {built.status().ToString()};
    base = *built;
  }
  auto btf = btf::Btf::Parse(raw, base.get(), ".BTF",
                             std::pmr::get_default_resource());
  if (!btf.ok()) return {btf.status().ToString()};
  std::vector<std::string> lines;
  for (btf::TypeId id = btf->first_id(); id < btf->end_id(); ++id) {
    lines.push_back(TypeText(*btf, id));
  }
  lines.push_back(absl::StrCat("header of ", btf->hdr_len(), " bytes",
                               btf->foreign_endian() ? ", foreign" : ""));
  const absl::string_view strings = btf->own_strings();
  for (size_t at = 0; at < strings.size();) {
    const absl::string_view text(strings.data() + at);
    lines.push_back(absl::StrCat("string @", at, " \"", text, "\""));
    at += text.size() + 1;
  }
  return lines;
}

std::string DescribeBtfDifference(const std::string& ours,
                                  const std::string& theirs,
                                  const std::string& base, size_t limit) {
  if (ours == theirs) return "";
  size_t at = 0;
  while (at < ours.size() && at < theirs.size() && ours[at] == theirs[at]) ++at;
  std::string text =
      absl::StrCat("differs from byte ", at, " on (ours has ", ours.size(),
                   " bytes, theirs ", theirs.size(), ")");
  const std::vector<std::string> our_lines = BtfText(ours, base);
  const std::vector<std::string> their_lines = BtfText(theirs, base);
  size_t shown = 0;
  for (size_t i = 0;
       i < std::max(our_lines.size(), their_lines.size()) && shown < limit;
       ++i) {
    const std::string& our_line = i < our_lines.size() ? our_lines[i] : "-";
    const std::string& their_line =
        i < their_lines.size() ? their_lines[i] : "-";
    if (our_line == their_line) continue;
    absl::StrAppend(&text, "\n  ours   ", our_line, "\n  theirs ", their_line);
    ++shown;
  }
  return text;
}

}  // namespace btfd::tests
