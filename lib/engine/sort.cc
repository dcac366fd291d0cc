// SPDX-License-Identifier: Apache-2.0
//
// Most comparisons are settled by a name's first eight bytes, kept beside the
// index as one big-endian number; only names that share them are looked at
// again. Anonymous types need no sorting at all: they go first, as they come.
#include "lib/engine/sort.h"

#include <algorithm>
#include <cstring>
#include <memory_resource>
#include <vector>

namespace btfd::engine {

namespace {

struct Key {
  uint64_t prefix;  // as a big-endian number, zero behind the end of the name
  uint32_t index;
  uint32_t name_off;
};

bool EndsInPrefix(uint64_t prefix) { return (prefix & 0xff) == 0; }

// The first eight bytes of the NUL-terminated text at `text`, of which
// `readable` bytes may be read at least.
uint64_t PrefixOf(const char* text, size_t readable) {
  uint64_t prefix = 0;
  if (readable < sizeof(prefix)) {
    for (size_t i = 0; i < sizeof(prefix) && text[i] != '\0'; ++i) {
      prefix |= uint64_t{static_cast<uint8_t>(text[i])} << (56 - 8 * i);
    }
    return prefix;
  }
  memcpy(&prefix, text, sizeof(prefix));
  prefix = __builtin_bswap64(prefix);
  // The highest zero byte ends the name; borrows only run towards higher
  // bytes, so look at the little-endian form.
  const uint64_t little = __builtin_bswap64(prefix);
  const uint64_t zeros =
      (little - 0x0101010101010101) & ~little & 0x8080808080808080;
  if (zeros == 0) return prefix;
  const int length = __builtin_ctzll(zeros) / 8;
  return length == 0 ? 0 : prefix & ~uint64_t{0} << (64 - 8 * length);
}

}  // namespace

absl::Status SortByName(btf::Btf* btf) {
  std::pmr::memory_resource* const memory = btf->memory();
  const uint32_t count = btf->own_count();
  const btf::TypeTable& parent = btf->parent();
  const uint32_t str_end = btf->str_end();

  std::pmr::vector<uint32_t> new_index(count, 0, memory);
  std::pmr::vector<Key> named(memory);
  named.reserve(count);
  uint32_t next = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t name_off = btf->own_type(btf->first_id() + i).name_off;
    uint64_t prefix = 0;
    if (name_off != 0) {
      const uint32_t end = name_off < parent.str_len ? parent.str_len : str_end;
      prefix = PrefixOf(btf->string(name_off), end - name_off);
    }
    if (prefix == 0) {
      new_index[i] = next++;
    } else {
      named.push_back({prefix, i, name_off});
    }
  }
  const auto before = [btf](const Key& a, const Key& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    if (!EndsInPrefix(a.prefix)) {
      const int order = strcmp(btf->string(a.name_off) + sizeof(a.prefix),
                               btf->string(b.name_off) + sizeof(b.prefix));
      if (order != 0) return order < 0;
    }
    return a.index < b.index;
  };
  if (!std::is_sorted(named.begin(), named.end(), before)) {
    std::sort(named.begin(), named.end(), before);
  }
  for (const Key& key : named) new_index[key.index] = next++;
  return btf->Permute(new_index);
}

}  // namespace btfd::engine
