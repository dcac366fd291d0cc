// SPDX-License-Identifier: Apache-2.0
//
// Btf: one BTF in memory, in host byte order. It is either standalone or split;
// a split BTF has its own types and strings behind those of a parent. Parsing
// accepts and rejects exactly what libbpf's btf__new() and btf__new_split() do,
// and Serialize() gives the bytes that btf__raw_data() would.
//
// A Btf lives in a memory resource (an Arena, one for each request) and is not
// thread-safe. Its Base is immutable and shared.
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

  // Parses and validates `bytes`, which need not outlive the call. The result
  // is a split BTF over `base`, or a standalone BTF if `base` is null. Errors
  // are InvalidArgument. They name the offset in bytes from the start of the
  // blob, and call the blob `what` (".BTF", ".BTF.base").
  static absl::StatusOr<Btf> Parse(absl::string_view bytes, const Base* base,
                                   absl::string_view what,
                                   std::pmr::memory_resource* memory);

  // A new BTF over `parent`, without types and strings. A standalone BTF starts
  // with the empty string. hdr_len is 24 or 32.
  Btf(const TypeTable& parent, const Base* base, uint32_t hdr_len,
      bool foreign_endian, std::pmr::memory_resource* memory);

  Btf(Btf&&) = default;
  Btf& operator=(Btf&&) = default;

  // The Base that is the parent; null for a standalone BTF, and for one over
  // another Btf.
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

  // Any type of the id space: void, a type of the parent, or an own one.
  // AddType() invalidates the reference. Precondition: id < end_id().
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

  // The NUL-terminated text at an offset of the combined string space, in which
  // the own strings follow the parent's. Precondition: offset < str_end().
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

  // Returns the offset of a text: in the base if it is a whole string there
  // (its first occurrence), else in the own whole strings, else where it is
  // appended now. The empty text has offset 0. The BTF then counts as modified
  // in the same cases as after libbpf's btf__add_str. `text` may lie in this
  // BTF's strings and contains no NUL. The second form takes HashString(text)
  // (string_hash.h). Precondition: the result fits in 32 bits.
  uint32_t AddString(absl::string_view text);
  uint32_t AddString(absl::string_view text, uint64_t hash);

  // Appends a record, with `tail_words` uninitialized words behind its fixed
  // part, and returns its id. The caller fills the words through
  // mutable_own_type(id).tail().
  TypeId AddType(uint32_t name_off, uint32_t info, uint32_t size_or_type,
                 uint32_t tail_words);

  // Replace all own types or strings; dedup uses them. `words` holds the
  // records back to back; `offsets` has one entry for each type and a last one
  // for the end.
  void ReplaceTypes(Words words, Words offsets);
  void ReplaceOwnStrings(std::pmr::string strings);

  // Puts the own records into a new order: own type i becomes the
  // new_index[i]-th. Ids are rewritten accordingly. Header and errors are as
  // btf__permute makes them: InvalidArgument for an id that does not exist or
  // for a record of a kind above kMaxKnownKind; FailedPrecondition unless
  // modifiable(). After an error nothing has changed. Precondition: new_index
  // is a permutation.
  absl::Status Permute(const std::pmr::vector<uint32_t>& new_index);

  // Makes `base` the parent. Relocation calls it once it has rewritten all ids
  // and string offsets for that base.
  void SetBase(const Base* base);

  // False if the header has content that we do not know. libbpf then refuses
  // every modification (EOPNOTSUPP).
  bool modifiable() const { return modifiable_; }
  // FailedPrecondition with the reason unless modifiable().
  absl::Status CheckModifiable() const;

  bool foreign_endian() const { return foreign_endian_; }
  uint32_t hdr_len() const { return header_.hdr_len; }
  // True if some own record is of a kind that only a layout describes
  // (kind 0 or above kMaxKnownKind).
  bool has_unknown_kinds() const { return has_unknown_kinds_; }
  // True if Parse() found an id that does not exist in one of the two fields
  // that libbpf loads unchecked: the third word of FWD, and the return type of
  // FUNC_PROTO. type() of such an id is undefined, so a stage that follows ids
  // refuses the BTF.
  bool has_dangling_ids() const { return has_dangling_ids_; }
  // The own layout section in host byte order; empty if there is none.
  absl::string_view own_layout() const { return layout_; }

  // The raw words, for stages that rewrite many records. `offsets` are word
  // offsets as in TypeTable::offsets, but its first entry is that of
  // first_id().
  const Words& words() const { return words_; }
  const Words& offsets() const { return offsets_; }

  // This BTF as the parent of another one. Its types are copied for that. Valid
  // until the next modification or move. Precondition: this BTF is standalone.
  TypeTable AsParent() const;

  // Appends the raw form to *out: the bytes of the input if nothing was
  // modified, else the bytes that libbpf makes.
  void Serialize(std::string* out) const;

 private:
  const TypeRecord& ParentType(TypeId id) const {
    return id == 0 ? VoidType() : parent_.type(id);
  }
  // Called after a change of the types' total length.
  void UpdateSectionOffsets();
  absl::Status WhyNotMovable() const;

  TypeTable parent_;
  const Base* base_ = nullptr;
  Header header_{};  // as loaded; the vectors know the lengths
  Words words_;
  Words offsets_;
  std::pmr::string strings_;
  std::pmr::string layout_;
  // The bytes of the input, if the parts would give other ones (gaps, trailing
  // bytes, odd headers). Used as long as nothing is modified.
  std::pmr::string verbatim_;
  StringIndex own_index_;
  StringIndex parent_index_;  // of a parent without a Base
  // AsParent() points into these.
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
