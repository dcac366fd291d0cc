// SPDX-License-Identifier: Apache-2.0
//
// How two types are compared for dedup: exact equality of records, and two
// hashes. libbpf's dedup keeps a type in its map under the type's *key*. The
// *fingerprint* of a type is a hash of 32 bits over what a reference to the
// type leads to.
//
// Fingerprints are a filter. If libbpf's graph comparison would accept a pair
// of types, their fingerprints must be equal. So a fingerprint does not look
// further where that comparison accepts different types:
// - STRUCT, UNION, FWD: each of them may stand for another one of its name;
// - ENUM, ENUM64: an empty one may stand for a full one of its name;
// - ARRAY: libbpf does not always look at its element.
// A chain of references that never ends gets one common value. If a type refers
// to a VAR, DATASEC or DECL_TAG, libbpf's comparison does not answer but fails.
// So where such references exist, no filter may be used at all.
#ifndef BTFD_LIB_BTF_DEDUP_KEY_H_
#define BTFD_LIB_BTF_DEDUP_KEY_H_

#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <vector>

#include "lib/btf/format.h"
#include "lib/btf/kinds.h"

namespace btfd::btf {

// One step of a hash: multiply, then fold. A collision costs time but changes
// no answer, since every user compares the records themselves afterwards.
inline uint64_t HashStep(uint64_t hash, uint64_t word) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(hash ^ word) * 0x9e3779b97f4a7c15u;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64) ^
         hash;
}
inline uint64_t HashStep(uint64_t hash, uint32_t a, uint32_t b) {
  return HashStep(hash, uint64_t{a} << 32 | b);
}

// The number of words of a whole record. Precondition: its kind is known.
inline uint32_t RecordWords(const TypeRecord& type) {
  return 3 + static_cast<uint32_t>(TailWords(type.kind(), type.vlen()));
}

inline bool SameHead(const TypeRecord& a, const TypeRecord& b) {
  return a.name_off == b.name_off && a.info == b.info &&
         a.size_or_type == b.size_or_type;
}

// True if all words are equal, with ids and names compared as numbers.
inline bool SameRecord(const TypeRecord& a, const TypeRecord& b) {
  if (!SameHead(a, b)) return false;
  return std::memcmp(a.tail(), b.tail(), (RecordWords(a) - 3) * 4) == 0;
}

// For STRUCT and UNION: true if the fixed parts, the members' names and their
// offsets are equal. The members' types may differ.
inline bool SameShape(const TypeRecord& a, const TypeRecord& b) {
  if (!SameHead(a, b)) return false;
  const uint32_t* x = a.tail();
  const uint32_t* y = b.tail();
  for (uint32_t i = 0; i < a.vlen(); ++i, x += 3, y += 3) {
    if (x[0] != y[0] || x[2] != y[2]) return false;
  }
  return true;
}

// The key of a type that dedup compares as one record.
uint64_t RecordKey(const TypeRecord& type);
// For a type that has parts: a hash of what a graph comparison looks at in the
// record itself, before it follows the references. The key of a STRUCT, UNION
// or TYPEDEF.
uint64_t PartsKey(const TypeRecord& type);
// The key of all enums of a name.
inline uint64_t EnumNameKey(uint32_t name_off) {
  return HashStep(0x656e756d, name_off);
}

// In the place of a fingerprint: it is not computed yet.
inline constexpr uint32_t kNoFingerprint = 0;
// The smallest value of a fingerprint.
inline constexpr uint32_t kLeastFingerprint = 2;

// Computes fingerprints. `Graph` gives the record of an id (Type(id)) and keeps
// the fingerprints by id (Get(id) and Set(id, value)). At first they are
// kNoFingerprint.
template <typename Graph>
class Fingerprints {
 public:
  Fingerprints(Graph graph, std::pmr::memory_resource* memory)
      : graph_(graph), stack_(memory) {}

  uint32_t Of(TypeId id) {
    const uint32_t known = graph_.Get(id);
    return known > kInProgress ? known : Walk(id);
  }

  // PartsKey() combined with the fingerprints of all types to which the type
  // refers. A STRUCT, UNION or TYPEDEF is also kept under this key.
  uint64_t SignatureOf(const TypeRecord& type) {
    uint64_t key = PartsKey(type);
    ForEachTypeField(type, [&](TypeId id) { key = HashStep(key, Of(id)); });
    return key;
  }

 private:
  static constexpr uint32_t kInProgress = 1;
  static constexpr uint32_t kEndless = kLeastFingerprint;

  static uint32_t Fold(uint64_t hash) {
    const uint32_t folded = static_cast<uint32_t>(hash ^ hash >> 32);
    return folded > kEndless ? folded : folded + 3;
  }

  // Depth first. It does not recurse, since a chain may be as long as the
  // input.
  uint32_t Walk(TypeId start) {
    stack_.clear();
    stack_.push_back(start);
    while (!stack_.empty()) {
      const TypeId id = stack_.back();
      const uint32_t known = graph_.Get(id);
      const TypeRecord& type = graph_.Type(id);
      if (known == kNoFingerprint && FollowsReferences(type.kind())) {
        graph_.Set(id, kInProgress);
        ForEachTypeField(type, [&](TypeId next) {
          if (graph_.Get(next) == kNoFingerprint) stack_.push_back(next);
        });
        continue;
      }
      if (known <= kInProgress) graph_.Set(id, Combine(type));
      stack_.pop_back();
    }
    return graph_.Get(start);
  }

  static bool FollowsReferences(Kind kind) {
    return IsSingleReference(kind) || kind == Kind::kFuncProto;
  }

  // Precondition: each type to which this one refers is done, or is on the way
  // that led here.
  uint32_t Combine(const TypeRecord& type) {
    const Kind kind = type.kind();
    uint64_t hash = HashStep(0x5eed, type.name_off, type.info);
    if (FollowsReferences(kind)) {
      if (kind == Kind::kFuncProto) {
        for (const Param& param : type.params()) {
          hash = HashStep(hash, param.name_off);
        }
      }
      bool endless = false;
      ForEachTypeField(type, [&](TypeId next) {
        const uint32_t leads_to = graph_.Get(next);
        endless |= leads_to == kInProgress || leads_to == kEndless;
        hash = HashStep(hash, leads_to);
      });
      return endless ? kEndless : Fold(hash);
    }
    if (IsComposite(kind) || kind == Kind::kFwd) {
      return Fold(HashStep(0xc0, type.name_off));
    }
    if (IsAnyEnum(kind)) return Fold(HashStep(0xe0, type.name_off));
    if (kind == Kind::kArray) {
      return Fold(
          HashStep(HashStep(hash, type.size_or_type), type.array().count));
    }
    if (kind == Kind::kInt || kind == Kind::kFloat)
      return Fold(RecordKey(type));
    return Fold(HashStep(0xf0, static_cast<uint32_t>(kind)));
  }

  Graph graph_;
  std::pmr::vector<TypeId> stack_;
};

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_DEDUP_KEY_H_
