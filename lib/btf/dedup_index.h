// SPDX-License-Identifier: Apache-2.0
//
// The dedup candidates of a base, in libbpf's candidate order, built once per
// base and shared by all requests. One relocatable blob like Base's, versioned,
// checksummed and used in place. Immutable and thread-safe once made; refers to
// the types of its Base, which must outlive it.
//
// libbpf files types in a hash map of chains: an insertion pushes in front, and
// each growth of the map turns every chain around. So with the growths counted
// (CandidateOrder), each type has a position: candidates of a key are visited
// by ascending position while the number of growths is even, else by
// descending.
#ifndef BTFD_LIB_BTF_DEDUP_INDEX_H_
#define BTFD_LIB_BTF_DEDUP_INDEX_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "lib/btf/base.h"
#include "lib/btf/dedup_key.h"
#include "lib/btf/probe_table.h"
#include "lib/util/blob.h"

namespace btfd::btf {

// Replays the growth of libbpf's candidate map.
struct CandidateOrder {
  uint32_t inserted = 0;
  uint32_t capacity = 0;
  bool descending = false;  // chains are read by descending position now

  // Position of the next type to be inserted. *turned says whether the
  // insertion turned all chains around before it.
  int32_t Insert(bool* turned);
  // The state after `count` insertions.
  static CandidateOrder After(uint32_t count);
  // Position of the type that was the `n`-th (from 0) to be inserted.
  static int32_t PositionOf(uint32_t n);
};

class DedupIndex {
 public:
  // All enums of one name.
  struct EnumName {
    uint32_t name_off;
    TypeId lowest;  // by position
    TypeId highest;
  };
  // An ENUM or ENUM64 without enumerators: it gives way to a full one.
  struct EmptyEnum {
    uint32_t name_off;
    TypeId id;
  };
  // STRUCT or UNION of a name; id 0 where there are several.
  struct CompositeName {
    uint32_t name_off;
    TypeId id;
  };

  // InvalidArgument if the base has more types than an index can hold, or ids
  // beyond them.
  static absl::StatusOr<std::shared_ptr<const DedupIndex>> Build(
      const Base& base);
  // DataLoss if the blob is damaged, of another version, or of another base.
  static absl::StatusOr<std::shared_ptr<const DedupIndex>> Load(
      util::Blob blob, const Base& base);
  absl::string_view blob() const { return blob_.view(); }

  // The state of the candidate map after the last type of the base.
  const CandidateOrder& order() const { return order_; }
  // Position of a base type. Precondition: neither VAR nor DATASEC.
  int32_t PositionOf(TypeId id) const;
  // True if some type other than VAR, DATASEC and DECL_TAG refers to one of
  // these three: graph comparison may then end in an error, and must look at
  // every candidate.
  bool has_odd_references() const { return odd_references_; }
  // True for these three.
  bool IsNeverReferred(TypeId id) const {
    return (odd_types_[id / 32] >> (id % 32) & 1) != 0;
  }

  uint32_t fingerprint(TypeId id) const { return fingerprints_[id]; }

  // Of types that have parts: whether another base type has the signature of
  // this one, and whether any base type has a signature. Both err towards yes.
  // See Fingerprints::SignatureOf.
  bool HasTwin(TypeId id) const {
    return (twins_[id / 32] >> (id % 32) & 1) != 0;
  }
  bool HasSignature(uint64_t signature) const {
    const uint64_t bit = signature & signature_mask_;
    return (signatures_[bit / 32] >> (bit % 32) & 1) != 0;
  }

  // First candidate in visiting order that equals `type` in every word, or 0.
  // `type` is none of STRUCT, UNION, TYPEDEF; `key` is its RecordKey().
  TypeId FindRecord(uint64_t key, const TypeRecord& type,
                    bool descending) const;
  // True if no other base type equals this one in every word.
  // Precondition: not a STRUCT, UNION, TYPEDEF.
  bool IsOnlyCopy(TypeId id) const {
    return (copies_[id / 32] >> (id % 32) & 1) == 0;
  }

  // Calls fn(id) for each STRUCT, UNION and TYPEDEF that may be filed under a
  // key, by ascending position; PartsKey() or Fingerprints::SignatureOf().
  template <typename Fn>
  void ForEachGraph(uint64_t key, bool with_fingerprints, Fn&& fn) const {
    const uint32_t* slots = with_fingerprints ? graphs_ : plain_graphs_;
    Probe(slots, graph_shape_, key, [&](TypeId id) {
      fn(id);
      return false;
    });
  }

  // Null if no enum has that name.
  const EnumName* FindEnumName(uint32_t name_off) const;
  absl::Span<const EmptyEnum> EmptyEnums(uint32_t name_off) const;
  // Null if no STRUCT or UNION has that name.
  const CompositeName* FindComposite(uint32_t name_off) const;
  // True if some FWD has that name.
  bool HasForward(uint32_t name_off) const;

  DedupIndex(const DedupIndex&) = delete;
  DedupIndex& operator=(const DedupIndex&) = delete;

 private:
  friend class DedupIndexBuilder;

  DedupIndex() = default;
  // Sets the pointers below from a blob whose sections are in bounds.
  void Attach(util::Blob blob, const Base& base);

  util::Blob blob_;
  TypeTable types_;
  CandidateOrder order_;
  bool odd_references_ = false;
  ProbeShape record_shape_;
  ProbeShape graph_shape_;
  const uint32_t* fingerprints_ = nullptr;  // by id
  const uint32_t* copies_ = nullptr;        // a bit by id
  const uint32_t* odd_types_ = nullptr;     // a bit by id
  const uint32_t* twins_ = nullptr;         // a bit by id
  const uint32_t* signatures_ = nullptr;    // a bit by signature
  uint64_t signature_mask_ = 0;
  const uint32_t* records_ = nullptr;       // slots
  const uint32_t* graphs_ = nullptr;        // slots, with fingerprints
  const uint32_t* plain_graphs_ = nullptr;  // slots, without
  // Sorted by name_off, then position; not_filed_ and forwards_ ascending.
  absl::Span<const EnumName> enum_names_;
  absl::Span<const EmptyEnum> empty_enums_;
  absl::Span<const CompositeName> composites_;
  absl::Span<const uint32_t> forwards_;
  absl::Span<const TypeId> not_filed_;  // VAR and DATASEC
};

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_DEDUP_INDEX_H_
