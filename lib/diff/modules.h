// SPDX-License-Identifier: Apache-2.0
//
// What the changes of a base mean for the modules that stand on it.
#ifndef BTFD_LIB_DIFF_MODULES_H_
#define BTFD_LIB_DIFF_MODULES_H_

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lib/btf/base.h"
#include "lib/btf/btf.h"
#include "lib/diff/compare.h"

namespace btfd::diff {

// A change that a module meets.
struct Met {
  const Change* change;
  // Whether a type of the module's refers to what changed, itself or through
  // pointers, typedefs and such; else it lies in what one refers to.
  bool direct;
};

// Not thread-safe.
class ModuleImpact {
 public:
  // `changes` are those from a base, `a`, to another; they must outlive it.
  ModuleImpact(const btf::Base& a, const std::vector<Change>& changes);

  // The changes that a module over `a` meets, in their order. A module that was
  // not deduplicated has copies of the base's types: they count by their names,
  // as references to these do. From a type that
  // the module refers to, the way goes on to the types that lie in it, and not
  // to those that its members point to: from there every type can be reached.
  std::vector<Met> MetBy(const btf::Btf& module);

 private:
  enum Reach : uint8_t { kNot, kWithin, kDirect };

  void Visit(btf::TypeId id, Reach reach);
  void Follow(btf::TypeId id, Reach reach);

  const btf::Base& a_;
  const std::vector<Change>& changes_;
  std::vector<uint32_t> change_of_;  // by id; counted from 1
  // Of types, by class and name; counted likewise.
  std::map<std::pair<Class, absl::string_view>, uint32_t> change_named_;
  std::vector<Reach> reached_;  // by id, of the module at hand
  std::vector<btf::TypeId> touched_;
  std::vector<std::pair<btf::TypeId, Reach>> open_;
};

// Whether a module over its base, distilled as it stands, relocates onto `b`.
// Errors: as of engine::Distill() and engine::Relocate().
absl::Status CheckRelocatesOnto(const btf::Btf& module, const btf::Base& b);

}  // namespace btfd::diff

#endif  // BTFD_LIB_DIFF_MODULES_H_
