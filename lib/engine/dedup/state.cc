// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/dedup/state.h"

namespace btfd::engine::dedup {

namespace {

// Stands for the base of a standalone BTF: nothing but void.
constexpr uint32_t kVoidWords[3] = {0, 0, 0};
constexpr uint32_t kVoidOffsets[1] = {0};

}  // namespace

Types::Types(btf::Btf* btf)
    : first_(btf->first_id()),
      end_(btf->end_id()),
      base_words_(btf->base() != nullptr ? btf->parent().words : kVoidWords),
      base_offsets_(btf->base() != nullptr ? btf->parent().offsets
                                           : kVoidOffsets),
      own_offsets_(btf->offsets().data()) {
  if (end_ > first_) {
    own_words_ = reinterpret_cast<uint32_t*>(&btf->mutable_own_type(first_)) -
                 own_offsets_[0];
  }
}

State::State(btf::Btf* btf_in, const btf::DedupIndex* index_in,
             const Rules& rules_in, util::WorkBudget* work_in)
    : btf(btf_in),
      base(btf_in->base()),
      index(index_in),
      rules(rules_in),
      memory(btf_in->memory()),
      work(work_in),
      types(btf_in),
      map(types.own_count(), kUnset, memory),
      redirects(memory),
      hints(types.own_count(), 0, memory),
      candidates(index, &types, work, memory) {}

}  // namespace btfd::engine::dedup
