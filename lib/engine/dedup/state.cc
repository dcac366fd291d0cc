// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/dedup/state.h"

#include <utility>

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

size_t Redirects::Find(TypeId id) const {
  const size_t mask = slots_.size() - 1;
  size_t i = (id * 0x9e3779b1u) & mask;
  while (slots_[i].from != id && slots_[i].from != 0) i = (i + 1) & mask;
  return i;
}

void Redirects::Set(TypeId from, TypeId to) {
  if ((count_ + 1) * 2 > slots_.size()) {
    std::pmr::vector<Slot> old(slots_.size() == 0 ? 64 : slots_.size() * 2,
                               slots_.get_allocator());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.from != 0) slots_[Find(slot.from)] = slot;
    }
  }
  Slot& slot = slots_[Find(from)];
  count_ += slot.from == 0;
  slot = {from, to};
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
