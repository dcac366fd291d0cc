// SPDX-License-Identifier: Apache-2.0
//
// What failed comparisons teach: pairs of types that no comparison can accept.
// Internal to dedup.
#ifndef BTFD_LIB_ENGINE_DEDUP_REFUTATION_H_
#define BTFD_LIB_ENGINE_DEDUP_REFUTATION_H_

#include <cstdint>
#include <memory_resource>
#include <vector>

#include "lib/btf/format.h"

namespace btfd::engine::dedup {

// A set of (candidate, canonical) pairs that is emptied at no cost. It never
// holds more than `limit`: what is refuted beyond that is found out anew.
class Refutations {
 public:
  Refutations(std::pmr::memory_resource* memory, size_t limit)
      : slots_(memory), limit_(limit) {}

  bool Contains(btf::TypeId candidate, btf::TypeId canonical) const;
  void Add(btf::TypeId candidate, btf::TypeId canonical);
  void Clear();

 private:
  struct Slot {
    btf::TypeId candidate = 0;
    btf::TypeId canonical = 0;
    uint32_t epoch = 0;  // of an older one: empty
  };
  size_t Find(btf::TypeId candidate, btf::TypeId canonical) const;

  std::pmr::vector<Slot> slots_;  // linear probing, a power of two
  size_t limit_;
  size_t count_ = 0;
  uint32_t epoch_ = 1;
};

// Which pair led to which while one comparison ran. Pairs are numbered in the
// order in which they were assumed.
class Trail {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  explicit Trail(std::pmr::memory_resource* memory)
      : parents_(memory),
        heads_(memory),
        links_(memory),
        marks_(memory),
        stack_(memory) {}

  void Clear();
  // The next pair was met first as a part of pair `from` (kNone: at the top).
  void AddPair(uint32_t from);
  // Pair `to` was met again, as a part of pair `from`.
  void AddLink(uint32_t from, uint32_t to);

  // Calls fn(pair) for each pair from which all of `targets` (one or two) are
  // reached, itself included, if `passable` accepts all that is between.
  template <typename Passable, typename Fn>
  void ForEachLeadingTo(std::initializer_list<uint32_t> targets,
                        Passable&& passable, Fn&& fn) {
    marks_.assign(parents_.size(), 0);
    uint8_t all = 0;
    for (const uint32_t target : targets) {
      const auto mark = static_cast<uint8_t>(all + 1);
      all |= mark;
      auto reach = [&](uint32_t pair) {
        if ((marks_[pair] & mark) != 0) return;
        marks_[pair] |= mark;
        stack_.push_back(pair);
      };
      reach(target);
      while (!stack_.empty()) {
        const uint32_t pair = stack_.back();
        stack_.pop_back();
        if (!passable(pair)) continue;
        if (parents_[pair] != kNone) reach(parents_[pair]);
        for (uint32_t l = heads_[pair]; l != kNone; l = links_[l].next) {
          reach(links_[l].from);
        }
      }
    }
    for (uint32_t pair = 0; pair < marks_.size(); ++pair) {
      if (marks_[pair] == all) fn(pair);
    }
  }

 private:
  struct Link {
    uint32_t from;
    uint32_t next;
  };
  std::pmr::vector<uint32_t> parents_;
  std::pmr::vector<uint32_t> heads_;  // of the links to a pair
  std::pmr::vector<Link> links_;
  std::pmr::vector<uint8_t> marks_;
  std::pmr::vector<uint32_t> stack_;
};

}  // namespace btfd::engine::dedup

#endif  // BTFD_LIB_ENGINE_DEDUP_REFUTATION_H_
