// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/rebase.h"

#include <cstring>
#include <memory_resource>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "lib/util/status_macros.h"

namespace btfd::engine {

using btf::TypeId;
using btf::TypeRecord;

namespace {

absl::Status CheckInput(const btf::Btf& standalone, const btf::Base* base) {
  if (standalone.has_dangling_ids()) {
    return absl::InvalidArgumentError(
        ".BTF: a type refers to an id beyond the last type");
  }
  if (base != nullptr && !base->modifiable()) {
    return absl::FailedPreconditionError(
        "base: its header has content behind the known fields, so strings "
        "cannot be looked up for an addition");
  }
  return absl::OkStatus();
}

// Adds what a standalone BTF has to a new one.
class Adder {
 public:
  Adder(const btf::Btf& source, btf::Btf* target)
      : source_(source),
        target_(target),
        new_strings_(source.own_strings().size(), 0, source.memory()) {}

  // Precondition: offset != 0.
  uint32_t AddString(uint32_t offset) {
    uint32_t& known = new_strings_[offset];
    if (known == 0) known = target_->AddString(source_.string(offset));
    return known;
  }

  void AddAllStrings() {
    const absl::string_view strings = source_.own_strings();
    for (size_t at = 1; at < strings.size(); at = strings.find('\0', at) + 1) {
      AddString(static_cast<uint32_t>(at));
    }
  }

  absl::Status AddTypes() {
    const TypeId first = source_.first_id();
    for (TypeId id = first; id < source_.end_id(); ++id) {
      const TypeRecord& type = source_.own_type(id);
      if (type.kind() == btf::Kind::kUnknown ||
          type.kind_number() > btf::kMaxKnownKind) {
        return absl::InvalidArgumentError(absl::StrCat(
            ".BTF: type ", id, " is of unknown kind ", type.kind_number()));
      }
      AddType(type, source_.own_type_words(id) - sizeof(TypeRecord) / 4,
              target_->first_id() - first);
    }
    return absl::OkStatus();
  }

 private:
  void AddType(const TypeRecord& type, uint32_t tail_words, uint32_t shift) {
    const TypeId id = target_->AddType(type.name_off, type.info,
                                       type.size_or_type, tail_words);
    TypeRecord& copy = target_->mutable_own_type(id);
    memcpy(copy.tail(), type.tail(), size_t{tail_words} * 4);
    btf::ForEachStringField(copy, [&](uint32_t& offset) {
      if (offset != 0) offset = AddString(offset);
    });
    btf::ForEachTypeField(copy, [&](TypeId& used) {
      if (used != 0) used += shift;
    });
  }

  const btf::Btf& source_;
  btf::Btf* const target_;
  // By offset in the source; 0: not met yet (or the empty text, which is 0).
  std::pmr::vector<uint32_t> new_strings_;
};

}  // namespace

absl::StatusOr<btf::Btf> Rebase(const btf::Btf& standalone,
                                const btf::Base& base, uint32_t hdr_len) {
  RETURN_IF_ERROR(CheckInput(standalone, &base));
  btf::Btf split(base.table(), &base, hdr_len, base.foreign_endian(),
                 standalone.memory());
  RETURN_IF_ERROR(Adder(standalone, &split).AddTypes());
  return split;
}

absl::StatusOr<btf::Btf> AddResidue(const btf::Btf& residue,
                                    const btf::Base* base, uint32_t hdr_len) {
  RETURN_IF_ERROR(CheckInput(residue, base));
  btf::Btf made(base != nullptr ? base->table() : btf::TypeTable(), base,
                hdr_len, residue.foreign_endian(), residue.memory());
  Adder adder(residue, &made);
  adder.AddAllStrings();
  RETURN_IF_ERROR(adder.AddTypes());
  return made;
}

}  // namespace btfd::engine
