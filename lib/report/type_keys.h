// SPDX-License-Identifier: Apache-2.0
//
// Which types of different modules are the same: each type gets a key that is
// made of its kind, its name, its size and its parts, and of what these refer
// to. What has a name is referred to by that name, and what has none by its
// content, so a key does not depend on ids, and the types of any two modules
// and of the base can be compared.
//
//   module A  [9000] STRUCT 'pair' size=16: a (type 17, INT 'long'), b (...)
//   module B  [9321] STRUCT 'pair' size=16: a (type 17, INT 'long'), b (...)
//
// have one key, and have another one if b is an int in one of them. Two structs
// of one name that differ only in what their members point to by name have the
// same key, as a compiler has it that sees declarations alone.
#ifndef BTFD_LIB_REPORT_TYPE_KEYS_H_
#define BTFD_LIB_REPORT_TYPE_KEYS_H_

#include <cstdint>
#include <unordered_set>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/btf/base.h"
#include "lib/btf/btf.h"
#include "lib/util/work_budget.h"

namespace btfd::report {

using Key = uint64_t;

// The keys of a base. Immutable, thread-safe.
class BaseKeys {
 public:
  // InvalidArgument for a base with ids that do not exist or with kinds that
  // are not known; ResourceExhausted where its names are longer than any
  // sensible base's. The base must outlive it.
  static absl::StatusOr<BaseKeys> Make(const btf::Base& base);

  const btf::Base& base() const { return *base_; }
  bool Has(Key key) const { return keys_.count(key) != 0; }
  // What a reference to this type of the base counts as.
  Key ReferenceTo(btf::TypeId id) const { return references_[id]; }

 private:
  const btf::Base* base_ = nullptr;
  std::vector<Key> references_;  // by id
  std::unordered_set<Key> keys_;
};

// The keys of the own types of `btf`, in their order. `parent` are those of its
// base, and null for one that stands alone. Errors as of BaseKeys::Make().
absl::StatusOr<std::vector<Key>> KeysOf(const btf::Btf& btf,
                                        const BaseKeys* parent,
                                        util::WorkBudget* work);

}  // namespace btfd::report

#endif  // BTFD_LIB_REPORT_TYPE_KEYS_H_
