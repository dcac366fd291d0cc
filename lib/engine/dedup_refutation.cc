// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/dedup_refutation.h"

#include <algorithm>

namespace btfd::engine::dedup {

size_t Refutations::Find(btf::TypeId candidate, btf::TypeId canonical) const {
  const size_t mask = slots_.size() - 1;
  const uint64_t pair = uint64_t{candidate} << 32 | canonical;
  size_t i = (pair * 0x9e3779b97f4a7c15u >> 32) & mask;
  for (;; i = (i + 1) & mask) {
    const Slot& slot = slots_[i];
    if (slot.epoch != epoch_) return i;
    if (slot.candidate == candidate && slot.canonical == canonical) return i;
  }
}

bool Refutations::Contains(btf::TypeId candidate, btf::TypeId canonical) const {
  return count_ != 0 && slots_[Find(candidate, canonical)].epoch == epoch_;
}

void Refutations::Add(btf::TypeId candidate, btf::TypeId canonical) {
  if (count_ >= limit_) return;
  if ((count_ + 1) * 2 > slots_.size()) {
    std::pmr::vector<Slot> old(std::max<size_t>(1024, slots_.size() * 2),
                               slots_.get_allocator());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.epoch == epoch_) {
        slots_[Find(slot.candidate, slot.canonical)] = slot;
      }
    }
  }
  Slot& slot = slots_[Find(candidate, canonical)];
  count_ += slot.epoch != epoch_;
  slot = {candidate, canonical, epoch_};
}

void Refutations::Clear() {
  if (count_ == 0) return;
  count_ = 0;
  if (++epoch_ != 0) return;
  std::fill(slots_.begin(), slots_.end(), Slot());
  epoch_ = 1;
}

void Trail::Clear() {
  parents_.clear();
  heads_.clear();
  links_.clear();
}

void Trail::AddPair(uint32_t from) {
  parents_.push_back(from);
  heads_.push_back(kNone);
}

void Trail::AddLink(uint32_t from, uint32_t to) {
  links_.push_back({from, heads_[to]});
  heads_[to] = static_cast<uint32_t>(links_.size() - 1);
}

}  // namespace btfd::engine::dedup
