// SPDX-License-Identifier: Apache-2.0
#include "lib/core/minimized_writer.h"

#include <algorithm>

#include "absl/strings/string_view.h"
#include "lib/btf/kinds.h"
#include "lib/util/status_macros.h"

namespace btfd::core {

using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

// Once the budget is used up nothing grows any more; Add() then fails.
uint32_t MinimizedWriter::AddString(uint32_t offset) {
  const absl::string_view text = space_.string(offset);
  space_.work().Spend(1 + text.size());
  return space_.work().exhausted() ? 0 : out_->AddString(text);
}

// Strings are added in the order in which libbpf adds them: the name, then
// those of the parts.
TypeId MinimizedWriter::Copy(const TypeRecord& type) {
  const auto words =
      static_cast<uint32_t>(btf::TailWords(type.kind(), type.vlen()));
  const TypeId id =
      out_->AddType(type.name_off, type.info, type.size_or_type, words);
  std::copy_n(type.tail(), words, out_->mutable_own_type(id).tail());
  btf::ForEachStringField(out_->mutable_own_type(id), [this](uint32_t& offset) {
    offset = AddString(offset);
  });
  return id;
}

TypeId MinimizedWriter::CopyComposite(const TypeRecord& type,
                                      const Marks::Type& marks) {
  const uint32_t name = AddString(type.name_off);
  const auto kept = static_cast<uint32_t>(
      std::count(marks.members.begin(), marks.members.end(), true));
  const TypeId id = out_->AddType(
      name, btf::MakeInfo(type.kind(), kept, false), type.size_or_type,
      static_cast<uint32_t>(btf::TailWords(type.kind(), kept)));
  uint32_t* to = out_->mutable_own_type(id).tail();
  bool has_bit_field = false;
  for (uint32_t i = 0; i < marks.members.size(); ++i) {
    if (!marks.members[i]) continue;
    const btf::Member& member = type.members()[i];
    *to++ = AddString(member.name_off);
    *to++ = member.type;
    *to++ = member.offset;
    // With the kind flag, sizes of bit-fields are in the upper bits.
    has_bit_field |=
        type.kflag() && (member.offset >> 24 != 0 || member.offset % 8 != 0);
  }
  if (has_bit_field) {
    out_->mutable_own_type(id).info = btf::MakeInfo(type.kind(), kept, true);
  }
  return id;
}

absl::Status MinimizedWriter::Add(const Marks& marks) {
  for (const TypeId id : marks.Ids()) {
    RETURN_IF_ERROR(space_.work().Check());
    const TypeRecord& type = space_.type(id);
    ids_[id] = btf::IsComposite(type.kind()) ? CopyComposite(type, marks.At(id))
                                             : Copy(type);
  }
  return space_.work().Check();
}

void MinimizedWriter::Finish() {
  for (TypeId id = out_->first_id(); id < out_->end_id(); ++id) {
    btf::ForEachTypeField(out_->mutable_own_type(id), [this](TypeId& field) {
      const auto found = ids_.find(field);
      field = found == ids_.end() ? 0 : found->second;
    });
  }
}

}  // namespace btfd::core
