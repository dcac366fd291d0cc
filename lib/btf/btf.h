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

namespace btfd::btf {

class Base;

// What a split BTF stands on, as plain tables: ids below `end` and string
// offsets below `str_len` are the parent's. Owned by a Base or another Btf,
// which must outlive every user. A standalone BTF has the empty parent: just
// void and no strings.
struct TypeTable {
  const uint32_t* words = nullptr;    // all records, back to back
  const uint32_t* offsets = nullptr;  // id -> word index; [0] is void's record;
                                      // [end] is the end of the last record
  TypeId end = 1;                     // number of types, void included
  const char* strings = nullptr;
  uint32_t str_len = 0;

  const TypeRecord& type(TypeId id) const {
    return *reinterpret_cast<const TypeRecord*>(words + offsets[id]);
  }
  uint32_t type_words(TypeId id) const {
    return offsets[id + 1] - offsets[id];
  }
  const char* string(uint32_t offset) const { return strings + offset; }
};

// The record of id 0.
const TypeRecord& VoidType();

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
    return offset < parent_.str_len ? parent_.strings + offset
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
  // Counts as libbpf's btf__add_str.
  uint32_t AddString(absl::string_view text);

  // Appends a record with `tail_words` uninitialized words behind it and
  // returns its id; fill them through mutable_own_type(id).tail().
  TypeId AddType(uint32_t name_off, uint32_t info, uint32_t size_or_type,
                 uint32_t tail_words);

  // Whole-content replacement, for dedup: `offsets` has one entry a type and a
  // last one for the end; `words` are the records back to back.
  void ReplaceTypes(Words words, Words offsets);
  void ReplaceOwnStrings(std::pmr::string strings);

  // Lays the own records out in a new order: own type i becomes the
  // new_index[i]-th, and ids are rewritten accordingly. Header rules as
  // btf__permute. Precondition: new_index is a permutation.
  void Permute(const std::pmr::vector<uint32_t>& new_index);

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

  // Raw words, for stages that rewrite many records; word offsets of own
  // types as in TypeTable::offsets, but counted from first_id().
  const Words& words() const { return words_; }
  const Words& offsets() const { return offsets_; }

  // This BTF as the parent of another one. Standalone only; valid until the
  // next modification.
  TypeTable AsParent() const;

  // Appends the raw form to *out: the input verbatim where nothing was
  // modified, else as libbpf rebuilds it.
  void Serialize(std::string* out) const;

 private:
  // ... to be completed by the implementation: saved raw header bytes, layout,
  // original bytes for the verbatim case, lazily built own-string index.
  const TypeRecord& ParentType(TypeId id) const {
    return id == 0 ? VoidType() : parent_.type(id);
  }

  TypeTable parent_;
  const Base* base_ = nullptr;
  Header header_{};
  Words words_;
  Words offsets_;
  std::pmr::string strings_;
  bool foreign_endian_ = false;
  bool modified_ = false;
  bool modifiable_ = true;
  bool has_unknown_kinds_ = false;
};

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_BTF_H_
