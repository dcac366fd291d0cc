// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/rebase.h"

#include <cstring>
#include <memory_resource>
#include <vector>

#include "absl/strings/str_cat.h"

namespace btfd::engine {

using btf::TypeId;
using btf::TypeRecord;

absl::StatusOr<btf::Btf> Rebase(const btf::Btf& standalone,
                                const btf::Base& base, uint32_t hdr_len) {
  if (standalone.has_dangling_ids()) {
    return absl::InvalidArgumentError(
        ".BTF: a type refers to an id beyond the last type");
  }
  if (!base.modifiable()) {
    return absl::FailedPreconditionError(
        "base: its header has content behind the known fields, so strings "
        "cannot be looked up for an addition");
  }
  btf::Btf split(base.table(), &base, hdr_len, base.foreign_endian(),
                 standalone.memory());
  // By offset in `standalone`; 0: not met yet (or the empty text, which is 0).
  std::pmr::vector<uint32_t> new_strings(standalone.own_strings().size(), 0,
                                         standalone.memory());
  const uint32_t shift = split.first_id() - standalone.first_id();
  for (TypeId id = standalone.first_id(); id < standalone.end_id(); ++id) {
    const TypeRecord& type = standalone.own_type(id);
    if (type.kind() == btf::Kind::kUnknown ||
        type.kind_number() > btf::kMaxKnownKind) {
      return absl::InvalidArgumentError(absl::StrCat(
          ".BTF: type ", id, " is of unknown kind ", type.kind_number()));
    }
    const uint32_t tail_words =
        standalone.own_type_words(id) - sizeof(TypeRecord) / 4;
    const TypeId new_id =
        split.AddType(type.name_off, type.info, type.size_or_type, tail_words);
    TypeRecord& copy = split.mutable_own_type(new_id);
    memcpy(copy.tail(), type.tail(), size_t{tail_words} * 4);
    btf::ForEachStringField(copy, [&](uint32_t& offset) {
      if (offset == 0) return;
      uint32_t& known = new_strings[offset];
      if (known == 0) known = split.AddString(standalone.string(offset));
      offset = known;
    });
    btf::ForEachTypeField(copy, [&](TypeId& used) {
      if (used != 0) used += shift;
    });
  }
  return split;
}

}  // namespace btfd::engine
