// SPDX-License-Identifier: Apache-2.0
//
// Base: a base BTF (that of vmlinux, or a distilled base) together with its
// core index. The index answers everything that a stage other than dedup asks
// of the base, without walking it. A Base never changes once it is made, and
// threads may share it.
//
// All of it lies in one blob, which may be moved in memory: the types in host
// byte order, the strings, the word offsets by id and the tables below. The
// header says where each lies, counted from the blob's start. The store keeps
// that blob, and Load() uses it in place: nothing is rebuilt or changed. The
// dedup candidates are a second blob (dedup_index.h), so that a base can be
// used before they are ready.
#ifndef BTFD_LIB_BTF_BASE_H_
#define BTFD_LIB_BTF_BASE_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "lib/btf/btf.h"
#include "lib/btf/format.h"
#include "lib/util/blob.h"

namespace btfd::btf {

struct BaseBlobHeader;  // base_blob.h
struct BaseSource;      // base_build.cc

class Base {
 public:
  // Parses and validates a raw BTF of either byte order as libbpf's btf__new()
  // does, and indexes it. InvalidArgument names the offset and calls the BTF
  // `what`. ResourceExhausted if its names or strings were made so that
  // indexing them would take far more work than their size warrants.
  static absl::StatusOr<std::shared_ptr<const Base>> Build(
      absl::string_view raw, absl::string_view what = "base BTF");

  // Indexes a standalone Btf as it is now, after all edits: for example a
  // distilled base, for the split BTF that refers to it.
  static absl::StatusOr<std::shared_ptr<const Base>> FromBtf(const Btf& btf);

  // Uses a blob that blob() returned. DataLoss if it is of another version,
  // damaged or inconsistent. No offset in it is used before it is checked.
  static absl::StatusOr<std::shared_ptr<const Base>> Load(util::Blob blob);
  absl::string_view blob() const { return blob_.view(); }

  const TypeTable& table() const { return table_; }
  TypeId end_id() const { return table_.end; }
  uint32_t str_len() const { return table_.str_len; }
  const TypeRecord& type(TypeId id) const {
    return id == 0 ? VoidType() : table_.type(id);
  }
  const char* string(uint32_t offset) const { return table_.string(offset); }

  // Offset of the first whole string that equals `text`. A whole string begins
  // behind a NUL and reaches to the next one. The second form takes
  // HashString(text) (string_hash.h).
  std::optional<uint32_t> FindString(absl::string_view text) const;
  std::optional<uint32_t> FindString(absl::string_view text,
                                     uint64_t hash) const;

  // Ids, ascending, of the types of that kind and name. Types with name_off 0
  // are not among them. Precondition: the kind is FUNC, STRUCT, UNION or
  // TYPEDEF.
  absl::Span<const TypeId> FindByName(Kind kind, absl::string_view name) const;
  absl::Span<const TypeId> FindByName(Kind kind, absl::string_view name,
                                      uint64_t hash) const;

  // Ids, ascending, of the INT, FLOAT, ENUM, ENUM64, FWD, STRUCT and UNION
  // types with that name and a non-zero name_off: the candidates of relocation.
  absl::Span<const TypeId> FindRelocatable(absl::string_view name) const;
  // Calls `visit` with these ids for each name there is, in no order of names.
  void ForEachRelocatable(
      absl::FunctionRef<void(absl::Span<const TypeId> ids)> visit) const;
  // True if another STRUCT or UNION of the base has the same name_off.
  // Precondition: id is a STRUCT or UNION with a non-zero name_off.
  bool SharesCompositeName(TypeId id) const;

  // All DECL_TAG ids, ascending.
  absl::Span<const TypeId> decl_tags() const;

  // The layout section in host byte order; empty if there is none.
  absl::string_view layout() const { return layout_; }
  bool foreign_endian() const;
  // See Btf::modifiable(). If false, the string look-ups of dedup fail.
  bool modifiable() const;
  // See HasLongTexts(); for kTextWindow.
  bool has_long_texts() const { return has_long_texts_; }
  bool has_unknown_kinds() const { return has_unknown_kinds_; }
  // See Btf::has_dangling_ids().
  bool has_dangling_ids() const { return has_dangling_ids_; }
  // The blob's checksum. The dedup index of this base holds a copy of it.
  uint64_t fingerprint() const;

  Base(const Base&) = delete;
  Base& operator=(const Base&) = delete;

 private:
  explicit Base(util::Blob blob);
  static absl::StatusOr<std::shared_ptr<const Base>> Index(
      const BaseSource& source, absl::string_view what);
  const BaseBlobHeader& header() const;
  // Checks everything on which the accessors rely.
  absl::Status Validate();
  absl::Status ValidateTypes();
  absl::Status ValidateStringTable() const;
  absl::Status ValidateNames() const;
  // The ids of one name of one class.
  absl::Span<const TypeId> Group(uint32_t group) const;
  absl::Span<const TypeId> FindNamed(uint32_t name_class,
                                     absl::string_view name,
                                     uint64_t hash) const;

  util::Blob blob_;
  // These point into blob_ and are set once.
  TypeTable table_;
  absl::string_view layout_;
  absl::Span<const uint32_t> string_slots_;
  absl::Span<const uint32_t> name_slots_;
  absl::Span<const uint32_t> group_starts_;
  absl::Span<const TypeId> named_ids_;
  absl::Span<const TypeId> decl_tags_;
  absl::Span<const TypeId> shared_composites_;
  bool has_long_texts_ = false;
  bool has_unknown_kinds_ = false;
  bool has_dangling_ids_ = false;
};

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_BASE_H_
