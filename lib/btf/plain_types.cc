// SPDX-License-Identifier: Apache-2.0
#include "lib/btf/plain_types.h"

#include <cstring>
#include <string>

#include "lib/btf/scan.h"
#include "lib/util/status_macros.h"

namespace btfd::btf {

absl::StatusOr<PlainTypes> PlainTypes::Parse(absl::string_view raw,
                                             absl::string_view what) {
  ASSIGN_OR_RETURN(const Sections sections,
                   ParseSections(raw, /*split=*/false, what));
  PlainTypes plain;
  const char* const types = sections.types.data();
  const uint64_t count = sections.types.size() / 4;
  std::string layout(sections.layout);
  if (sections.foreign_endian || reinterpret_cast<uintptr_t>(types) % 4 != 0) {
    plain.swapped_.resize(count);
    if (count != 0) memcpy(plain.swapped_.data(), types, count * 4);
    if (sections.foreign_endian) {
      SwapWords(plain.swapped_.data(), count);
      SwapLayoutFlags(layout.data(), layout.size());
    }
    plain.table_.words = plain.swapped_.data();
  } else {
    plain.table_.words = reinterpret_cast<const uint32_t*>(types);
  }
  const TypeTable no_parent;
  ScanInput input;
  input.words = plain.table_.words;
  input.count = count;
  input.left_over = sections.types.size() % 4;
  input.parent = &no_parent;
  input.str_len = static_cast<uint32_t>(sections.strings.size());
  input.layout = layout;
  input.foreign_endian = sections.foreign_endian;
  input.what = what;
  input.types_offset = sections.types_offset;
  // The first entry stands for void.
  plain.offsets_.reset(new uint32_t[MaxRecords(count) + 2]);
  plain.offsets_[0] = 0;
  ASSIGN_OR_RETURN(const ScanResult scan,
                   ScanTypes(input, plain.offsets_.get() + 1));
  plain.table_.offsets = plain.offsets_.get();
  plain.table_.end = scan.records + 1;
  plain.table_.strings = sections.strings.data();
  plain.table_.str_len = input.str_len;
  plain.foreign_endian_ = sections.foreign_endian;
  plain.has_dangling_ids_ = scan.dangling_ids;
  return plain;
}

}  // namespace btfd::btf
