// SPDX-License-Identifier: Apache-2.0
//
// Own types in the order of their names, as the kernel's binary search by name
// wants them (Linux 7.0 and later). Strings and header stay as they are.
#ifndef BTFD_LIB_ENGINE_SORT_H_
#define BTFD_LIB_ENGINE_SORT_H_

#include <cstdint>
#include <memory_resource>
#include <vector>

#include "absl/status/status.h"
#include "lib/btf/btf.h"

namespace btfd::engine {

// The order itself: by the bytes of the name's text, equal ones as they came.
// Anonymous types so come first, in their old order.
class NameOrder {
 public:
  NameOrder(size_t expected, std::pmr::memory_resource* memory)
      : new_index_(memory), named_(memory), texts_(memory) {
    new_index_.reserve(expected);
    named_.reserve(expected);
    texts_.reserve(expected);
  }

  // The next type's name, NUL-terminated; `end` is that of the memory where it
  // stands. It must stay there up to Finish().
  void Add(const char* name, const char* end);
  // The next type's name at an offset of `btf`.
  void Add(const btf::Btf& btf, uint32_t name_off);
  // The place of each, in the order of the calls of Add().
  std::pmr::vector<uint32_t> Finish();

 private:
  struct Key {
    uint64_t prefix;  // the first bytes, as a big-endian number
    uint32_t index;   // in new_index_
    uint32_t text;    // in texts_
  };
  bool Before(const Key& a, const Key& b) const;

  std::pmr::vector<uint32_t> new_index_;
  uint32_t anonymous_ = 0;
  std::pmr::vector<Key> named_;
  std::pmr::vector<const char*> texts_;
};

// Lays the own types out in that order, and rewrites ids.
//
// FailedPrecondition where libbpf says EOPNOTSUPP (unknown header content);
// InvalidArgument for an id beyond the last type, or a type of unknown kind.
absl::Status SortByName(btf::Btf* btf);

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_SORT_H_
