// SPDX-License-Identifier: Apache-2.0
//
// Most comparisons are settled by a name's first eight bytes, kept beside the
// index as one big-endian number; only names that share them are looked at
// again. Anonymous types need no sorting at all: they go first, as they come.
#include "lib/engine/sort.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "lib/util/endian.h"

namespace btfd::engine {

namespace {

bool EndsInPrefix(uint64_t prefix) { return (prefix & 0xff) == 0; }

// The first eight bytes of a text as a big-endian number, zero behind its end.
uint64_t PrefixOf(const char* text, const char* end) {
  uint64_t prefix = 0;
  if (end - text < static_cast<ptrdiff_t>(sizeof(prefix))) {
    for (size_t i = 0; i < sizeof(prefix) && text[i] != '\0'; ++i) {
      prefix |= uint64_t{static_cast<uint8_t>(text[i])} << (56 - 8 * i);
    }
    return prefix;
  }
  memcpy(&prefix, text, sizeof(prefix));
  // The lowest set bit marks the first zero byte.
  const uint64_t zeros =
      (prefix - 0x0101010101010101) & ~prefix & 0x8080808080808080;
  if (zeros != 0) prefix &= (zeros & -zeros) - 1;
  return util::ByteSwap(prefix);
}

}  // namespace

void NameOrder::Add(const char* name, const char* end) {
  const uint64_t prefix = PrefixOf(name, end);
  const auto index = static_cast<uint32_t>(new_index_.size());
  if (prefix == 0) {
    new_index_.push_back(anonymous_++);
    return;
  }
  new_index_.push_back(0);
  named_.push_back({prefix, index, static_cast<uint32_t>(texts_.size())});
  texts_.push_back(name);
}

void NameOrder::Add(const btf::Btf& btf, uint32_t name_off) {
  const btf::TypeTable& parent = btf.parent();
  if (name_off == 0) {
    new_index_.push_back(anonymous_++);
  } else if (name_off < parent.str_len) {
    Add(parent.strings + name_off, parent.strings + parent.str_len);
  } else {
    const absl::string_view own = btf.own_strings();
    Add(own.data() + (name_off - parent.str_len), own.data() + own.size());
  }
}

bool NameOrder::Before(const Key& a, const Key& b) const {
  if (a.prefix != b.prefix) return a.prefix < b.prefix;
  if (!EndsInPrefix(a.prefix)) {
    const int order = strcmp(texts_[a.text] + sizeof(a.prefix),
                             texts_[b.text] + sizeof(b.prefix));
    if (order != 0) return order < 0;
  }
  return a.index < b.index;
}

std::pmr::vector<uint32_t> NameOrder::Finish() {
  const auto before = [this](const Key& a, const Key& b) {
    return Before(a, b);
  };
  // Often two runs: the types as they were sorted before, and what was added.
  const auto run = std::is_sorted_until(named_.begin(), named_.end(), before);
  if (std::is_sorted(run, named_.end(), before)) {
    std::pmr::vector<Key> merged(named_.size(), Key{}, named_.get_allocator());
    std::merge(named_.begin(), run, run, named_.end(), merged.begin(), before);
    named_ = std::move(merged);
  } else {
    std::sort(named_.begin(), named_.end(), before);
  }
  uint32_t next = anonymous_;
  for (const Key& key : named_) new_index_[key.index] = next++;
  return std::move(new_index_);
}

absl::Status SortByName(btf::Btf* btf) {
  NameOrder order(btf->own_count(), btf->memory());
  for (btf::TypeId id = btf->first_id(); id < btf->end_id(); ++id) {
    order.Add(*btf, btf->own_type(id).name_off);
  }
  return btf->Permute(order.Finish());
}

}  // namespace btfd::engine
