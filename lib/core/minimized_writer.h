// SPDX-License-Identifier: Apache-2.0
//
// Copies marked types into a new BTF, in the order of their ids: records as
// they are, structs and unions with their marked members alone. What refers to
// a type that is not marked refers to void afterwards.
#ifndef BTFD_LIB_CORE_MINIMIZED_WRITER_H_
#define BTFD_LIB_CORE_MINIMIZED_WRITER_H_

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "lib/btf/btf.h"
#include "lib/core/marks.h"
#include "lib/core/type_space.h"

namespace btfd::core {

// What became of the ids that were kept.
using NewIds = absl::flat_hash_map<btf::TypeId, btf::TypeId>;

class MinimizedWriter {
 public:
  // Copies from `space` to `out`, which is empty and stays the caller's.
  // `parent_ids` are those of the types under `out`, if it is a split BTF.
  MinimizedWriter(const TypeSpace& space, const NewIds& parent_ids,
                  btf::Btf* out)
      : space_(space), ids_(parent_ids), out_(out) {}

  // Adds the marked types. Ids in later calls are above those of earlier ones.
  // ResourceExhausted where names are so long, by being each other's ends, that
  // what is written would be out of proportion.
  absl::Status Add(const Marks& marks);
  // Once, after all that were added.
  void Finish();
  const NewIds& ids() const { return ids_; }

 private:
  btf::TypeId Copy(const btf::TypeRecord& type);
  btf::TypeId CopyComposite(const btf::TypeRecord& type,
                            const Marks::Type& marks);
  uint32_t AddString(uint32_t offset);

  const TypeSpace& space_;
  NewIds ids_;
  btf::Btf* const out_;
};

}  // namespace btfd::core

#endif  // BTFD_LIB_CORE_MINIMIZED_WRITER_H_
