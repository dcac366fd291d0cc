// SPDX-License-Identifier: Apache-2.0
//
// One BTF in memory, in host byte order: either standalone, or split, that is
// with its own types and strings behind those of a parent. Parsing accepts and
// rejects exactly what libbpf's btf__new() and btf__new_split() do, and
// Serialize() gives the bytes that btf__raw_data() would.
//
// A Btf lives in a memory resource (an Arena, one per request) and is not
// thread-safe; the Base under it is immutable and shared.
#ifndef BTFD_LIB_BTF_BTF_H_
#define BTFD_LIB_BTF_BTF_H_

#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/btf/format.h"
#include "lib/btf/string_index.h"
#include "lib/btf/type_table.h"

namespace btfd::btf {

class Base;

class Btf {
 public:
  using Words = std::pmr::vector<uint32_t>;

  // Parses and validates `bytes` (which need not outlive the call) as a split
  // BTF over `base`, or as a standalone one where `base` is null. Errors are
  // InvalidArgument, name the offset in bytes from the start of the blob, and
  // call the blob `what` (".BTF", ".BTF.base").
  static absl::StatusOr<Btf> Parse(absl::string_view bytes, const Base* base,
                                   absl::string_view what,
                                   std::pmr::memory_resource* memory);

  // A new BTF without types and strings, over `parent`. A standalone one
  // starts with the empty string. hdr_len is 24 or 32.
  Btf(const TypeTable& parent, const Base* base, uint32_t hdr_len,
      bool foreign_endian, std::pmr::memory_resource* memory);

  Btf(Btf&&) = default;
  Btf& operator=(Btf&&) = default;

  // The index of the parent, or null: standalone, or over another Btf.
  const Base* base() const { return base_; }
  const TypeTable& parent() const { return parent_; }
  std::pmr::memory_resource* memory() const {
    return words_.get_allocator().resource();
  }

  // Own types are first_id() .. end_id() - 1.
  TypeId first_id() const { return parent_.end; }
  TypeId end_id() const {
    return parent_.end + static_cast<TypeId>(offsets_.size() - 1);
  }
  uint32_t own_count() const {
    return static_cast<uint32_t>(offsets_.size() - 1);
  }
  bool is_own(TypeId id) const { return id >= parent_.end; }

  // Any type of the id space, parent's and void included. Precondition: id <
  // end_id(). References are invalidated by AddType.
  const TypeRecord& type(TypeId id) const {
    return id < parent_.end ? ParentType(id) : own_type(id);
  }
  const TypeRecord& own_type(TypeId id) const {
    return *reinterpret_cast<const TypeRecord*>(
        &words_[offsets_[id - parent_.end]]);
  }
  TypeRecord& mutable_own_type(TypeId id) {
    modified_ = true;
    return *reinterpret_cast<TypeRecord*>(&words_[offsets_[id - parent_.end]]);
  }
  uint32_t own_type_words(TypeId id) const {
    const uint32_t i = id - parent_.end;
    return offsets_[i + 1] - offsets_[i];
  }

  // The NUL-terminated text at an offset of the combined string space.
  // Precondition: offset < str_end().
  const char* string(uint32_t offset) const {
    return offset < parent_.str_len
               ? parent_.strings + offset
               : strings_.data() + (offset - parent_.str_len);
  }
  const char* name(TypeId id) const { return string(type(id).name_off); }
  uint32_t str_end() const {
    return parent_.str_len + static_cast<uint32_t>(strings_.size());
  }
  absl::string_view own_strings() const {
    return {strings_.data(), strings_.size()};
  }

  // The offset of a text in the base (whole strings, first occurrence), else
  // among the own whole strings, else newly appended. The empty text is 0.
  // Counts as libbpf's btf__add_str. `text` may lie in this BTF's strings and
  // contains no NUL. The second form takes HashString(text) (string_hash.h).
  // Precondition: the result fits in 32 bits.
  uint32_t AddString(absl::string_view text);
  uint32_t AddString(absl::string_view text, uint64_t hash);

  // Appends a record with `tail_words` uninitialized words behind it and
  // returns its id; fill them through mutable_own_type(id).tail().
  TypeId AddType(uint32_t name_off, uint32_t info, uint32_t size_or_type,
                 uint32_t tail_words);

  // Whole-content replacement, for dedup: `offsets` has one entry a type and a
  // last one for the end; `words` are the records back to back.
  void ReplaceTypes(Words words, Words offsets);
  void ReplaceOwnStrings(std::pmr::string strings);

  // Lays the own records out in a new order: own type i becomes the
  // new_index[i]-th, and ids are rewritten accordingly. Header rules and errors
  // as btf__permute: InvalidArgument for an id beyond the types or a record of
  // a kind above kMaxKnownKind, FailedPrecondition unless modifiable(); nothing
  // has changed then. Precondition: new_index is a permutation.
  absl::Status Permute(const std::pmr::vector<uint32_t>& new_index);

  // Puts `base` in the place of the parent, as relocation does once it has
  // rewritten all ids and string offsets for it.
  void SetBase(const Base* base);

  // False where the header has content that we do not know: libbpf then
  // refuses every modification (EOPNOTSUPP).
  bool modifiable() const { return modifiable_; }
  // FailedPrecondition with the reason unless modifiable().
  absl::Status CheckModifiable() const;

  bool foreign_endian() const { return foreign_endian_; }
  uint32_t hdr_len() const { return header_.hdr_len; }
  // True if some own record is of a kind that only a layout describes
  // (kind 0 or above kMaxKnownKind).
  bool has_unknown_kinds() const { return has_unknown_kinds_; }
  // True if Parse() found an id beyond end_id() in one of the two fields that
  // libbpf loads unchecked: FWD's third word and FUNC_PROTO's return type.
  // type() of it is undefined, so a stage that follows ids refuses such a BTF.
  bool has_dangling_ids() const { return has_dangling_ids_; }
  // Layout section of its own, in host order; empty if there is none.
  absl::string_view own_layout() const { return layout_; }

  // Raw words, for stages that rewrite many records; word offsets of own
  // types as in TypeTable::offsets, but counted from first_id().
  const Words& words() const { return words_; }
  const Words& offsets() const { return offsets_; }

  // This BTF as the parent of another one, at the cost of a copy of its types.
  // Standalone only; valid until the next modification or move.
  TypeTable AsParent() const;

  // Appends the raw form to *out: the input verbatim where nothing was
  // modified, else as libbpf rebuilds it.
  void Serialize(std::string* out) const;

 private:
  const TypeRecord& ParentType(TypeId id) const {
    return id == 0 ? VoidType() : parent_.type(id);
  }
  // After a change of the types' total length.
  void UpdateSectionOffsets();
  absl::Status WhyNotMovable() const;

  TypeTable parent_;
  const Base* base_ = nullptr;
  Header header_{};  // as loaded; lengths are taken from the vectors
  Words words_;
  Words offsets_;
  std::pmr::string strings_;
  std::pmr::string layout_;
  // The input, where it is not what would be rebuilt from the parts: gaps,
  // trailing bytes, odd headers. Used as long as nothing is modified.
  std::pmr::string verbatim_;
  StringIndex own_index_;
  StringIndex parent_index_;  // of a parent without a Base
  // What AsParent() points into.
  mutable Words parent_words_;
  mutable Words parent_offsets_;
  bool foreign_endian_ = false;
  bool modified_ = false;
  bool modifiable_ = true;
  bool has_unknown_kinds_ = false;
  bool has_dangling_ids_ = false;
};

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_BTF_H_
