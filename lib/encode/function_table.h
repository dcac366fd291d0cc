// SPDX-License-Identifier: Apache-2.0
//
// The functions that the ELF file's symbols name, as the pahole that is stood
// for files them: a function of DWARF is made only if it is found here.
#ifndef BTFD_LIB_ENCODE_FUNCTION_TABLE_H_
#define BTFD_LIB_ENCODE_FUNCTION_TABLE_H_

#include <cstdint>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "lib/dwarf/object.h"
#include "lib/encode/names.h"
#include "lib/encode/rules.h"

namespace btfd::encode {

struct FunctionSymbol {
  absl::string_view name;  // whole, with a suffix such as .isra.0
  uint64_t value = 0;      // as in the symbol table: relative in a module
};

struct FunctionEntry {
  absl::string_view name;  // what a function of DWARF is looked up by
  size_t prefix = 0;       // bytes before the first '.'
  absl::InlinedVector<FunctionSymbol, 1> symbols;
  // Symbols of different addresses share the name.
  bool ambiguous = false;
  // Set by kfunc sets (decl_tag_kfuncs).
  bool is_kfunc = false;
  uint32_t kfunc_flags = 0;
};

class FunctionTable {
 public:
  static constexpr uint32_t kNotFound = 0xffffffff;

  FunctionTable(const dwarf::Object& object, const Rules& rules,
                const Features& features, const NameTable* names);

  bool empty() const { return entries_.empty(); }
  FunctionEntry& operator[](uint32_t index) { return entries_[index]; }
  const FunctionEntry& operator[](uint32_t index) const {
    return entries_[index];
  }
  size_t size() const { return entries_.size(); }

  // The entry for a function of that name.
  uint32_t Find(NameId name) {
    if (name >= found_.size()) found_.resize(names_.size(), kNotAsked);
    uint32_t& known = found_[name];
    if (known == kNotAsked) known = Search(names_.text(name));
    return known;
  }
  // The entry of exactly that name, for kfuncs.
  uint32_t FindExactly(absl::string_view name) const;

 private:
  static constexpr uint32_t kNotAsked = 0xfffffffe;

  uint32_t Search(absl::string_view name) const;
  void MergeEqualKeys();

  const Rules& rules_;
  const Features& features_;
  const NameTable& names_;
  std::vector<FunctionEntry> entries_;
  bool any_suffix_ = false;
  std::vector<uint32_t> found_;  // by name
};

}  // namespace btfd::encode

#endif  // BTFD_LIB_ENCODE_FUNCTION_TABLE_H_
