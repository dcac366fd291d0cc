// SPDX-License-Identifier: Apache-2.0
//
// The types of one BTF, and of the base under it, by id: what both sides of a
// relocation are looked at through. Read only; it owns nothing.
#ifndef BTFD_LIB_CORE_TYPE_SPACE_H_
#define BTFD_LIB_CORE_TYPE_SPACE_H_

#include <cstdint>
#include <cstring>
#include <optional>

#include "absl/strings/string_view.h"
#include "lib/btf/base.h"
#include "lib/btf/btf.h"
#include "lib/btf/format.h"
#include "lib/btf/plain_types.h"
#include "lib/btf/type_table.h"
#include "lib/util/work_budget.h"

namespace btfd::core {

// Whether a string of a BTF is `text`, at the cost of `text`: strings may be
// made to be long.
inline bool IsText(const char* string, absl::string_view text) {
  return strncmp(string, text.data(), text.size()) == 0 &&
         string[text.size()] == '\0';
}

// Not thread-safe, because of `work`, which pays for each step of a chain.
class TypeSpace {
 public:
  // All that is handed in must outlive it. Ids must not dangle
  // (has_dangling_ids()). A pointer_size of 0 means: take that of `long`, as
  // libbpf does for BTF that comes without an ELF header; 8 without a `long`.
  TypeSpace(const btf::Base& base, uint32_t pointer_size,
            util::WorkBudget* work);
  TypeSpace(const btf::PlainTypes& types, uint32_t pointer_size,
            util::WorkBudget* work);
  // A standalone BTF, or a split one with its base.
  TypeSpace(const btf::Btf& btf, uint32_t pointer_size, util::WorkBudget* work);

  btf::TypeId end() const { return end_; }
  // Precondition: id < end().
  const btf::TypeRecord& type(btf::TypeId id) const {
    return own_ == nullptr || id < parent_.end ? ParentType(id)
                                               : own_->own_type(id);
  }
  uint32_t string_end() const { return string_end_; }
  // Precondition: offset < string_end().
  const char* string(uint32_t offset) const {
    return own_ == nullptr ? parent_.string(offset) : own_->string(offset);
  }
  const char* name(btf::TypeId id) const { return string(type(id).name_off); }

  // The type behind CONST, VOLATILE, RESTRICT, TYPE_TAG and TYPEDEF. A chain
  // that has no end leads to void.
  btf::TypeId Strip(btf::TypeId id) const;
  // Bytes; nothing for void, FUNC, FUNC_PROTO and FWD, for chains of more than
  // 32 links, and for arrays of more elements than 32 bits count.
  std::optional<uint32_t> Size(btf::TypeId id) const;

  uint32_t pointer_size() const { return pointer_size_; }
  bool big_endian() const { return big_endian_; }
  util::WorkBudget& work() const { return *work_; }

 private:
  const btf::TypeRecord& ParentType(btf::TypeId id) const {
    return id == 0 ? btf::VoidType() : parent_.type(id);
  }
  TypeSpace(const btf::TypeTable& table, bool foreign_endian,
            uint32_t pointer_size, util::WorkBudget* work);
  void GuessPointerSize();

  btf::TypeTable parent_;  // all of a Base
  const btf::Btf* own_ = nullptr;
  btf::TypeId end_;
  uint32_t string_end_;
  bool big_endian_;
  uint32_t pointer_size_;
  util::WorkBudget* work_;
};

}  // namespace btfd::core

#endif  // BTFD_LIB_CORE_TYPE_SPACE_H_
