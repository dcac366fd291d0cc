// SPDX-License-Identifier: Apache-2.0
//
// The header and the places of the sections come first, then each record, then
// the chains of modifiers: the kernel's order, so that what is named is mostly
// what its log names as well. The records are in types.cc.
#include "lib/engine/kernel_check/kernel_check.h"

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "lib/btf/scan.h"
#include "lib/engine/kernel_check/types.h"
#include "lib/util/status_macros.h"

namespace btfd::engine {

namespace {

using btf::Base;
using btf::Btf;
using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

// Ids have 20 bits.
constexpr TypeId kMaxTypeId = 0xfffff;
// Links of a chain of modifiers that the kernel follows in one go.
constexpr int kMaxChain = 32;
// What an info word could hold before there was enum btf_max: 16 bits of vlen,
// five of the kind, the flag.
constexpr uint32_t kClassicInfoBits = 0x9f00ffff;

std::optional<TypeId> FindOfKind(const Base& base, absl::string_view name,
                                 Kind kind) {
  for (TypeId id : base.FindRelocatable(name)) {
    if (base.type(id).kind() == kind) return id;
  }
  return std::nullopt;
}

uint32_t EnumeratorOf(const Base& base, TypeId id, absl::string_view name,
                      uint32_t otherwise) {
  for (const btf::Enumerator& value : base.type(id).enumerators()) {
    if (name == base.string(value.name_off)) return value.value;
  }
  return otherwise;
}

uint32_t InfoBitsOf(const Base& base) {
  const std::optional<TypeId> limits = FindOfKind(base, "btf_max", Kind::kEnum);
  if (!limits.has_value()) return kClassicInfoBits;
  const uint32_t vlen = EnumeratorOf(base, *limits, "BTF_MAX_VLEN", 0xffff);
  const uint32_t kind = EnumeratorOf(base, *limits, "BTF_MAX_KIND", 0x1f);
  return (1u << 31) | (kind << 24) | vlen;
}

absl::Status CheckHeader(const btf::Sections& s, absl::string_view raw,
                         const KernelRules& rules, absl::string_view what) {
  const btf::Header& h = s.header;
  for (size_t i = rules.header_size; i < h.hdr_len; ++i) {
    if (raw[i] == 0) continue;
    return btf::MalformedBtf(
        what, i,
        absl::StrCat("the header has content behind the ", rules.header_size,
                     " bytes that the kernel knows"));
  }
  // Below 4, the header does not even cover these fields.
  if (h.magic != btf::kMagic || h.version != btf::kVersion) {
    return btf::MalformedBtf(
        what, offsetof(btf::Header, version),
        absl::StrCat("version ", h.version, ", and the kernel knows only 1"));
  }
  if (h.flags != 0) {
    return btf::MalformedBtf(
        what, offsetof(btf::Header, flags),
        absl::StrCat("flags ", h.flags, ", and the kernel knows none"));
  }
  if (!rules.any_byte_order && s.foreign_endian != rules.foreign_endian) {
    return btf::MalformedBtf(what, offsetof(btf::Header, magic),
                             "byte order is not that of the kernel");
  }
  return absl::OkStatus();
}

// Types, layout and strings must follow each other without a gap up to the end.
// libbpf has seen to their order, and that they do not overlap.
absl::Status CheckPlaces(const btf::Sections& s, size_t size,
                         absl::string_view what) {
  const btf::Header& h = s.header;
  // A header that ends within these fields has no layout for the kernel.
  const uint32_t layout_len =
      h.hdr_len >= btf::kExtendedHeaderSize ? h.layout_len : 0;
  if (h.type_off != 0) {
    return btf::MalformedBtf(
        what, offsetof(btf::Header, type_off),
        absl::StrCat("a gap of ", h.type_off, " bytes before the types"));
  }
  if (layout_len != 0 && h.layout_off != h.type_len) {
    return btf::MalformedBtf(
        what, offsetof(btf::Header, layout_off),
        absl::StrCat("a gap of ", h.layout_off - h.type_len,
                     " bytes between types and layout"));
  }
  const uint32_t before = h.type_len + layout_len;
  if (h.str_off != before) {
    return btf::MalformedBtf(what, offsetof(btf::Header, str_off),
                             absl::StrCat("a gap of ", h.str_off - before,
                                          " bytes before the strings"));
  }
  const size_t end = size_t{h.hdr_len} + h.str_off + h.str_len;
  if (size != end) {
    return btf::MalformedBtf(
        what, end,
        absl::StrCat(size - end, " bytes that belong to no section"));
  }
  if (h.str_len > kMaxNameOffset + 1) {
    return btf::MalformedBtf(
        what, offsetof(btf::Header, str_len),
        absl::StrCat(h.str_len, " bytes of strings, and the kernel takes ",
                     kMaxNameOffset + 1, " at most"));
  }
  return absl::OkStatus();
}

// A chain is walked up to where an earlier one, which was good, came by: only
// references forward make one long. A type tag there is seen nevertheless.
absl::Status CheckChain(TypeId id, const Btf& btf, const KernelRules& rules,
                        const KernelTypeCheck& types) {
  bool tags_may_follow = true;
  TypeId at = id;
  for (int links = 0; btf::IsModifier(btf.type(at).kind()); ++links) {
    if (links == kMaxChain) {
      return types.Refuse(id, absl::StrCat("the chain of modifiers and "
                                           "typedefs behind it is a cycle, or "
                                           "longer than ",
                                           kMaxChain));
    }
    const TypeRecord& type = btf.type(at);
    if (type.kind() != Kind::kTypeTag) {
      tags_may_follow = false;
    } else if (rules.type_tags_first && !tags_may_follow) {
      return types.Refuse(
          id, absl::StrCat("it leads to the TYPE_TAG ", at,
                           ", which this kernel takes only before all other "
                           "modifiers and typedefs"));
    }
    if (at < id) break;
    at = type.size_or_type;
  }
  return absl::OkStatus();
}

// Over a .BTF.base without types, the kernel begins to count with the id of
// void (it makes that up together with a base's first type). It takes such a
// BTF, and relocates each reference in it to the type behind the one that is
// meant.
absl::Status CheckOverNothing(const Btf& btf, const KernelTypeCheck& types) {
  for (TypeId id = btf.first_id(); id < btf.end_id(); ++id) {
    bool refers = false;
    btf::ForEachTypeField(btf.own_type(id), [&](TypeId) { refers = true; });
    if (!refers) continue;
    return types.Refuse(id,
                        "it refers to a type, and .BTF.base has none: the "
                        "kernel would take the next one instead");
  }
  return absl::OkStatus();
}

}  // namespace

KernelRules KernelRulesOf(const Base* vmlinux) {
  KernelRules rules;
  if (vmlinux == nullptr) return rules;
  rules.any_byte_order = false;
  rules.foreign_endian = vmlinux->foreign_endian();
  const std::optional<TypeId> header =
      FindOfKind(*vmlinux, "btf_header", Kind::kStruct);
  if (!header.has_value()) return rules;
  rules.header_size = vmlinux->type(*header).size_or_type;
  rules.info_bits = InfoBitsOf(*vmlinux);
  // 6.12 does not look at them, 7.2 does. Of kernels between, which have the
  // short header, it is not claimed.
  rules.own_kfunc_names = rules.header_size >= btf::kExtendedHeaderSize;
  // Attributes and this lock both came with 6.15.
  rules.tag_attributes =
      FindOfKind(*vmlinux, "bpf_res_spin_lock", Kind::kStruct).has_value();
  // The parser's function that looked at it, while there was one.
  rules.type_tags_first =
      !vmlinux->FindByName(Kind::kFunc, "btf_check_type_tags").empty();
  return rules;
}

absl::Status KernelCheck(absl::string_view raw, const Btf& btf,
                         const KernelRules& rules, absl::string_view what) {
  // This is how `btf` was parsed.
  ASSIGN_OR_RETURN(const btf::Sections sections,
                   btf::ParseSections(raw, btf.base() != nullptr, what));
  RETURN_IF_ERROR(CheckHeader(sections, raw, rules, what));
  RETURN_IF_ERROR(CheckPlaces(sections, raw.size(), what));
  if (btf.end_id() > kMaxTypeId + 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": ", btf.end_id() - 1,
                     " types with the base's, and "
                     "the kernel has ids for ",
                     kMaxTypeId));
  }
  const KernelTypeCheck types(btf, rules, what);
  for (TypeId id = btf.first_id(); id < btf.end_id(); ++id) {
    RETURN_IF_ERROR(types.Check(id));
  }
  if (btf.base() != nullptr && btf.base()->end_id() == 1) {
    RETURN_IF_ERROR(CheckOverNothing(btf, types));
  }
  for (TypeId id = btf.first_id(); id < btf.end_id(); ++id) {
    if (!btf::IsModifier(btf.own_type(id).kind())) continue;
    RETURN_IF_ERROR(CheckChain(id, btf, rules, types));
  }
  return absl::OkStatus();
}

}  // namespace btfd::engine
