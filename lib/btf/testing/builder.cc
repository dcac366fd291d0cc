// SPDX-License-Identifier: Apache-2.0
#include "lib/btf/testing/builder.h"

#include <algorithm>
#include <cstring>

#include "lib/util/endian.h"

namespace btfd::btf::testing {

namespace {

// The offsets and lengths of the sections, as the header has them.
Header MakeHeader(const BlobForm& form, uint32_t type_len, uint32_t str_len) {
  Header header{};
  header.magic = kMagic;
  header.version = form.version;
  header.flags = form.flags;
  header.hdr_len = form.hdr_len;
  header.type_off = form.type_gap;
  header.type_len = type_len;
  uint32_t at = form.type_gap + type_len;
  if (!form.layout.empty()) {
    at += form.layout_gap;
    header.layout_off = at;
    header.layout_len = static_cast<uint32_t>(form.layout.size());
    at += header.layout_len;
  }
  header.str_off = at + form.string_gap;
  header.str_len = str_len;
  return header;
}

void SwapHeader(Header* header) {
  header->magic = util::ByteSwap(header->magic);
  for (uint32_t* field : {&header->hdr_len, &header->type_off,
                          &header->type_len, &header->str_off, &header->str_len,
                          &header->layout_off, &header->layout_len}) {
    *field = util::ByteSwap(*field);
  }
}

void SwapWordsAt(std::string* bytes, size_t at, size_t size) {
  for (size_t i = at; i + 4 <= at + size; i += 4) {
    std::reverse(bytes->begin() + i, bytes->begin() + i + 4);
  }
}

void SwapLayoutAt(std::string* bytes, size_t at, size_t size) {
  for (size_t i = at; i + 4 <= at + size; i += 4) {
    std::swap((*bytes)[i + 2], (*bytes)[i + 3]);
  }
}

}  // namespace

BtfBuilder::BtfBuilder(const BtfBuilder& base)
    : first_id_(base.next_id()),
      base_str_len_(base.string_end()),
      base_offsets_(base.offsets_) {}

BtfBuilder::BtfBuilder(const Base& base)
    : first_id_(base.end_id()), base_str_len_(base.str_len()), base_(&base) {}

uint32_t BtfBuilder::AppendString(const std::string& text) {
  const uint32_t offset = string_end();
  strings_.append(text);
  strings_.push_back('\0');
  offsets_.emplace(text, offset);
  return offset;
}

uint32_t BtfBuilder::String(const Name& name) {
  if (name.explicit_) return name.offset_;
  if (name.text_.empty()) return 0;
  if (share_strings_) {
    if (base_ != nullptr) {
      if (auto offset = base_->FindString(name.text_)) return *offset;
    }
    for (const auto* offsets : {&base_offsets_, &offsets_}) {
      const auto it = offsets->find(name.text_);
      if (it != offsets->end()) return it->second;
    }
  }
  return AppendString(name.text_);
}

TypeId BtfBuilder::Raw(const Name& name, uint32_t info, uint32_t third,
                       const std::vector<uint32_t>& tail) {
  const TypeId id = next_id();
  const uint32_t name_off = String(name);
  starts_.push_back(static_cast<uint32_t>(words_.size()));
  words_.insert(words_.end(), {name_off, info, third});
  words_.insert(words_.end(), tail.begin(), tail.end());
  return id;
}

TypeRecord& BtfBuilder::type(TypeId id) {
  return *reinterpret_cast<TypeRecord*>(&words_[starts_.at(id - first_id_)]);
}

TypeId BtfBuilder::Int(const Name& name, uint32_t bytes, uint32_t encoding) {
  return Raw(name, MakeInfo(Kind::kInt, 0, false), bytes,
             {encoding << 24 | bytes * 8});
}

TypeId BtfBuilder::Float(const Name& name, uint32_t bytes) {
  return Raw(name, MakeInfo(Kind::kFloat, 0, false), bytes);
}

TypeId BtfBuilder::Array(TypeId element, TypeId index, uint32_t count) {
  return Raw("", MakeInfo(Kind::kArray, 0, false), 0, {element, index, count});
}

TypeId BtfBuilder::Composite(Kind kind, const Name& name, uint32_t bytes,
                             const std::vector<MemberSpec>& members) {
  const bool bitfields =
      std::any_of(members.begin(), members.end(),
                  [](const MemberSpec& m) { return m.bitfield_size != 0; });
  const uint32_t name_off = String(name);
  std::vector<uint32_t> tail;
  for (const MemberSpec& member : members) {
    tail.push_back(String(member.name));
    tail.push_back(member.type);
    tail.push_back(member.bitfield_size << 24 | member.bit_offset);
  }
  return Raw(Name::At(name_off),
             MakeInfo(kind, static_cast<uint32_t>(members.size()), bitfields),
             bytes, tail);
}

TypeId BtfBuilder::Struct(const Name& name, uint32_t bytes,
                          const std::vector<MemberSpec>& members) {
  return Composite(Kind::kStruct, name, bytes, members);
}

TypeId BtfBuilder::Union(const Name& name, uint32_t bytes,
                         const std::vector<MemberSpec>& members) {
  return Composite(Kind::kUnion, name, bytes, members);
}

TypeId BtfBuilder::Enum(const Name& name, uint32_t bytes,
                        const std::vector<EnumSpec>& values, bool is_signed) {
  const uint32_t name_off = String(name);
  std::vector<uint32_t> tail;
  for (const EnumSpec& value : values) {
    tail.push_back(String(value.name));
    tail.push_back(static_cast<uint32_t>(value.value));
  }
  return Raw(
      Name::At(name_off),
      MakeInfo(Kind::kEnum, static_cast<uint32_t>(values.size()), is_signed),
      bytes, tail);
}

TypeId BtfBuilder::Enum64(const Name& name, uint32_t bytes,
                          const std::vector<EnumSpec>& values, bool is_signed) {
  const uint32_t name_off = String(name);
  std::vector<uint32_t> tail;
  for (const EnumSpec& value : values) {
    tail.push_back(String(value.name));
    tail.push_back(static_cast<uint32_t>(value.value));
    tail.push_back(static_cast<uint32_t>(value.value >> 32));
  }
  return Raw(
      Name::At(name_off),
      MakeInfo(Kind::kEnum64, static_cast<uint32_t>(values.size()), is_signed),
      bytes, tail);
}

TypeId BtfBuilder::Fwd(const Name& name, bool is_union) {
  return Raw(name, MakeInfo(Kind::kFwd, 0, is_union), 0);
}

TypeId BtfBuilder::Func(const Name& name, TypeId proto, uint32_t linkage) {
  return Raw(name, MakeInfo(Kind::kFunc, linkage, false), proto);
}

TypeId BtfBuilder::Proto(TypeId returns, const std::vector<ParamSpec>& params) {
  std::vector<uint32_t> tail;
  for (const ParamSpec& param : params) {
    tail.push_back(String(param.name));
    tail.push_back(param.type);
  }
  return Raw(
      "",
      MakeInfo(Kind::kFuncProto, static_cast<uint32_t>(params.size()), false),
      returns, tail);
}

TypeId BtfBuilder::Var(const Name& name, TypeId type, uint32_t linkage) {
  return Raw(name, MakeInfo(Kind::kVar, 0, false), type, {linkage});
}

TypeId BtfBuilder::Datasec(const Name& name, uint32_t bytes,
                           const std::vector<SectionVar>& vars) {
  std::vector<uint32_t> tail;
  for (const SectionVar& var : vars) {
    tail.insert(tail.end(), {var.type, var.offset, var.size});
  }
  return Raw(
      name, MakeInfo(Kind::kDatasec, static_cast<uint32_t>(vars.size()), false),
      bytes, tail);
}

TypeId BtfBuilder::DeclTag(const Name& value, TypeId target, int32_t component,
                           bool attribute) {
  return Raw(value, MakeInfo(Kind::kDeclTag, 0, attribute), target,
             {static_cast<uint32_t>(component)});
}

TypeId BtfBuilder::TypeTag(const Name& value, TypeId target, bool attribute) {
  return Raw(value, MakeInfo(Kind::kTypeTag, 0, attribute), target);
}

std::string BtfBuilder::Build() const {
  const auto type_len = static_cast<uint32_t>(words_.size() * 4);
  Header header =
      MakeHeader(form_, type_len, static_cast<uint32_t>(strings_.size()));
  if (form_.big_endian) SwapHeader(&header);
  std::string raw(reinterpret_cast<const char*>(&header),
                  std::min<size_t>(form_.hdr_len, sizeof(header)));
  raw += form_.header_extra;
  raw.resize(form_.hdr_len);
  raw.append(form_.type_gap, '\x5a');
  const size_t types = raw.size();
  raw.append(reinterpret_cast<const char*>(words_.data()), type_len);
  if (form_.big_endian) SwapWordsAt(&raw, types, type_len);
  if (!form_.layout.empty()) {
    raw.append(form_.layout_gap, '\x5a');
    raw.append(form_.layout);
    if (form_.big_endian) {
      SwapLayoutAt(&raw, raw.size() - form_.layout.size(), form_.layout.size());
    }
  }
  raw.append(form_.string_gap, '\x5a');
  raw += strings_;
  raw += form_.trailing;
  return raw;
}

std::string LayoutEntry(uint8_t fixed, uint8_t element, uint16_t flags) {
  return {static_cast<char>(fixed), static_cast<char>(element),
          static_cast<char>(flags), static_cast<char>(flags >> 8)};
}

std::string StandardLayout() {
  std::string layout;
  for (uint32_t kind = 0; kind <= kMaxKnownKind; ++kind) {
    if (kind == 0) {
      layout += LayoutEntry(0, 0);
      continue;
    }
    const uint64_t fixed = TailWords(static_cast<Kind>(kind), 0) * 4;
    const uint64_t element = TailWords(static_cast<Kind>(kind), 1) * 4 - fixed;
    layout +=
        LayoutEntry(static_cast<uint8_t>(fixed), static_cast<uint8_t>(element));
  }
  return layout;
}

std::string SwapEndian(const std::string& raw) {
  std::string swapped = raw;
  Header header{};
  memcpy(&header, raw.data(), kClassicHeaderSize);
  const bool foreign = header.magic != kMagic;
  if (foreign) SwapHeader(&header);
  if (header.hdr_len >= kExtendedHeaderSize) {
    memcpy(&header.layout_off, raw.data() + kClassicHeaderSize, 8);
    if (foreign) {
      header.layout_off = util::ByteSwap(header.layout_off);
      header.layout_len = util::ByteSwap(header.layout_len);
    }
  }
  std::swap(swapped[0], swapped[1]);
  const bool extended = header.hdr_len >= kExtendedHeaderSize;
  SwapWordsAt(&swapped, 4,
              (extended ? kExtendedHeaderSize : kClassicHeaderSize) - 4);
  SwapWordsAt(&swapped, header.hdr_len + header.type_off, header.type_len);
  SwapLayoutAt(&swapped, header.hdr_len + header.layout_off, header.layout_len);
  return swapped;
}

}  // namespace btfd::btf::testing
