// SPDX-License-Identifier: Apache-2.0
//
// Fingerprints over base and split: the base's come with its index, own ones
// are computed when asked for. Internal to dedup.
#ifndef BTFD_LIB_ENGINE_DEDUP_COMPARE_FINGERPRINTS_H_
#define BTFD_LIB_ENGINE_DEDUP_COMPARE_FINGERPRINTS_H_

#include <cstdint>
#include <memory_resource>
#include <vector>

#include "lib/btf/dedup_key.h"
#include "lib/engine/dedup/state.h"

namespace btfd::engine::dedup {

class SplitFingerprints {
 public:
  explicit SplitFingerprints(const State& state)
      : own_(state.types.own_count(), btf::kNoFingerprint, state.memory),
        fingerprints_(Graph{&state, &own_}, state.memory) {}
  SplitFingerprints(const SplitFingerprints&) = delete;
  SplitFingerprints& operator=(const SplitFingerprints&) = delete;

  uint32_t Of(TypeId id) { return fingerprints_.Of(id); }
  // See btf::Fingerprints.
  uint64_t SignatureOf(const TypeRecord& type) {
    return fingerprints_.SignatureOf(type);
  }

 private:
  // Without a base there is nothing below the own types but void.
  static constexpr uint32_t kVoidFingerprint = 0xffffffff;

  struct Graph {
    const State* state;
    std::pmr::vector<uint32_t>* own;

    const TypeRecord& Type(TypeId id) const { return state->types[id]; }
    uint32_t Get(TypeId id) const {
      if (state->types.is_own(id)) return (*own)[id - state->types.first()];
      return state->index != nullptr ? state->index->fingerprint(id)
                                     : kVoidFingerprint;
    }
    void Set(TypeId id, uint32_t value) {
      (*own)[id - state->types.first()] = value;
    }
  };

  std::pmr::vector<uint32_t> own_;
  btf::Fingerprints<Graph> fingerprints_;
};

}  // namespace btfd::engine::dedup

#endif  // BTFD_LIB_ENGINE_DEDUP_COMPARE_FINGERPRINTS_H_
