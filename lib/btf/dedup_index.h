// SPDX-License-Identifier: Apache-2.0
//
// DedupIndex: the dedup candidates of a base, in the order in which libbpf
// visits them. It is built once for each base, and all requests share it. Like
// a Base it lies in one blob with a version and a checksum, and is used in
// place. It never changes once it is made, and is thread-safe. It refers to the
// types of its Base, which must outlive it.
//
// libbpf keeps the types in a hash map of chains. An insertion puts the new
// entry in front of its chain, and each growth of the map reverses every chain.
// CandidateOrder counts the growths, and gives each type a position: libbpf
// visits the candidates of a key by ascending position while the number of
// growths is even, else by descending position. For example, after the
// insertions of A and B a chain reads B, A. A growth reverses it to A, B. Then
// C goes in front: C, A, B.
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

// Replays how libbpf's candidate map grows.
struct CandidateOrder {
  uint32_t inserted = 0;
  uint32_t capacity = 0;
  bool descending = false;  // chains are read by descending position now

  // Returns the position of the next type that is inserted. *turned says
  // whether this insertion first reversed all chains.
  int32_t Insert(bool* turned);
  // The state after `count` insertions.
  static CandidateOrder After(uint32_t count);
  // Position of the type that is inserted as the `n`-th, counted from 0.
  static int32_t PositionOf(uint32_t n);
};

class DedupIndex {
 public:
  // The enums of one name.
  struct EnumName {
    uint32_t name_off;
    TypeId lowest;  // the one of lowest position
    TypeId highest;
  };
  // An ENUM or ENUM64 without enumerators: dedup replaces it by one that has
  // some.
  struct EmptyEnum {
    uint32_t name_off;
    TypeId id;
  };
  // The STRUCT or UNION of a name; id is 0 if there are several.
  struct CompositeName {
    uint32_t name_off;
    TypeId id;
  };

  // InvalidArgument if the base has more types than an index can hold, or ids
  // that do not exist.
  static absl::StatusOr<std::shared_ptr<const DedupIndex>> Build(
      const Base& base);
  // DataLoss if the blob is damaged, of another version, or of another base.
  static absl::StatusOr<std::shared_ptr<const DedupIndex>> Load(
      util::Blob blob, const Base& base);
  absl::string_view blob() const { return blob_.view(); }

  // The state of the candidate map after the base's last type.
  const CandidateOrder& order() const { return order_; }
  // Position of a type of the base. Precondition: it is neither VAR nor
  // DATASEC.
  int32_t PositionOf(TypeId id) const;
  // True if some type other than VAR, DATASEC and DECL_TAG refers to a type of
  // these three kinds. A graph comparison may then end in an error, so it must
  // look at every candidate.
  bool has_odd_references() const { return odd_references_; }
  // True for a VAR, DATASEC or DECL_TAG.
  bool IsNeverReferred(TypeId id) const {
    return (odd_types_[id / 32] >> (id % 32) & 1) != 0;
  }

  uint32_t fingerprint(TypeId id) const { return fingerprints_[id]; }

  // HasTwin() says whether another type of the base has the same signature as
  // this one, HasSignature() whether any type of the base has that signature.
  // Both may say true wrongly, never false. Only for types that have parts
  // (kinds.h); see Fingerprints::SignatureOf().
  bool HasTwin(TypeId id) const {
    return (twins_[id / 32] >> (id % 32) & 1) != 0;
  }
  bool HasSignature(uint64_t signature) const {
    const uint64_t bit = signature & signature_mask_;
    return (signatures_[bit / 32] >> (bit % 32) & 1) != 0;
  }

  // The first candidate, in visiting order, that equals `type` in every word; 0
  // if there is none. `type` is no STRUCT, UNION or TYPEDEF; `key` is its
  // RecordKey().
  TypeId FindRecord(uint64_t key, const TypeRecord& type,
                    bool descending) const;
  // True if no other type of the base equals this one in every word.
  // Precondition: it is no STRUCT, UNION or TYPEDEF.
  bool IsOnlyCopy(TypeId id) const {
    return (copies_[id / 32] >> (id % 32) & 1) == 0;
  }

  // Calls fn(id), by ascending position, for each STRUCT, UNION and TYPEDEF
  // whose key may be `key`. The key is SignatureOf() if with_fingerprints, else
  // PartsKey().
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
  // Sets the pointers below. Precondition: the blob's sections lie within it.
  void Attach(util::Blob blob, const Base& base);

  util::Blob blob_;
  TypeTable types_;
  CandidateOrder order_;
  bool odd_references_ = false;
  ProbeShape record_shape_;
  ProbeShape graph_shape_;
  const uint32_t* fingerprints_ = nullptr;  // by id
  const uint32_t* copies_ = nullptr;        // one bit for each id
  const uint32_t* odd_types_ = nullptr;     // one bit for each id
  const uint32_t* twins_ = nullptr;         // one bit for each id
  const uint32_t* signatures_ = nullptr;    // one bit for each signature
  uint64_t signature_mask_ = 0;
  const uint32_t* records_ = nullptr;       // slots
  const uint32_t* graphs_ = nullptr;        // slots; keys have fingerprints
  const uint32_t* plain_graphs_ = nullptr;  // slots; keys have none
  // Sorted by name_off, then position; not_filed_ and forwards_ ascending.
  absl::Span<const EnumName> enum_names_;
  absl::Span<const EmptyEnum> empty_enums_;
  absl::Span<const CompositeName> composites_;
  absl::Span<const uint32_t> forwards_;
  absl::Span<const TypeId> not_filed_;  // VAR and DATASEC
};

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_DEDUP_INDEX_H_
