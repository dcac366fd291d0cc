// SPDX-License-Identifier: Apache-2.0
//
// A standalone BTF as it lies in memory, checked as Base::Build() checks it,
// but with no index and, in host byte order, no copy: for whoever looks at a
// BTF once.
#ifndef BTFD_LIB_BTF_PLAIN_TYPES_H_
#define BTFD_LIB_BTF_PLAIN_TYPES_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/btf/type_table.h"

namespace btfd::btf {

// Movable; immutable once parsed.
class PlainTypes {
 public:
  // `raw` must outlive the result. Errors as of Base::Build().
  static absl::StatusOr<PlainTypes> Parse(absl::string_view raw,
                                          absl::string_view what = ".BTF");

  // Without a record for void: ids begin at 1.
  const TypeTable& table() const { return table_; }
  bool foreign_endian() const { return foreign_endian_; }
  // See Btf::has_dangling_ids().
  bool has_dangling_ids() const { return has_dangling_ids_; }

 private:
  PlainTypes() = default;

  std::vector<uint32_t> swapped_;  // the records, where they are not used as
                                   // they lie
  std::unique_ptr<uint32_t[]> offsets_;
  TypeTable table_;
  bool foreign_endian_ = false;
  bool has_dangling_ids_ = false;
};

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_PLAIN_TYPES_H_
