// SPDX-License-Identifier: Apache-2.0
//
// The one parser of raw BTF: the header with its sections, and the walk over
// type records that validates them. Btf::Parse, Base::Build and Base::Load all
// go through it, so they agree on every verdict. The verdicts are those of
// libbpf's btf__new() and btf__new_split() (Linux 7.2, tools/lib/bpf/btf.c).
#ifndef BTFD_LIB_BTF_SCAN_H_
#define BTFD_LIB_BTF_SCAN_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/btf/format.h"
#include "lib/btf/type_table.h"

namespace btfd::btf {

struct Sections {
  Header header;            // in host order; 0 where hdr_len does not reach
  bool foreign_endian;      // types and layout flags are still to be swapped
  bool known_header;        // no non-zero byte behind the last known field
  bool contiguous;          // rebuilding an unmodified BTF gives the same bytes
  uint64_t types_offset;    // bytes from the start of the blob
  absl::string_view types;  // views into the blob
  absl::string_view layout;
  absl::string_view strings;
};

// Header, strings and layout. `split` says whether there is a parent.
absl::StatusOr<Sections> ParseSections(absl::string_view bytes, bool split,
                                       absl::string_view what);

// What the walk needs to know of its surroundings.
struct ScanInput {
  const uint32_t* words = nullptr;  // records back to back, in host order
  uint64_t count = 0;               // of words
  uint32_t left_over = 0;           // bytes behind the last whole word
  const TypeTable* parent = nullptr;
  uint32_t str_len = 0;      // of the own strings
  absl::string_view layout;  // that applies: own or the base's; may be empty
  bool foreign_endian = false;
  absl::string_view what;     // for errors
  uint64_t types_offset = 0;  // for errors: where words[0] was in the blob
};

struct ScanResult {
  uint32_t records = 0;
  bool unknown_kinds = false;
  bool dangling_ids = false;  // see Btf::has_dangling_ids()
};

// Writes each record's word offset, and then `count`, to `offsets`, which has
// room for MaxRecords(count) + 1 entries. InvalidArgument names the first
// defect.
absl::StatusOr<ScanResult> ScanTypes(const ScanInput& input, uint32_t* offsets);
inline uint64_t MaxRecords(uint64_t words) { return words / 3; }

// Swaps the bytes of each word, or of each layout entry's flags, in place.
void SwapWords(uint32_t* words, uint64_t count);
void SwapLayoutFlags(char* layout, uint64_t size);

// InvalidArgument in the words that all of these use.
absl::Status MalformedBtf(absl::string_view what, uint64_t offset,
                          absl::string_view defect);

// "STRUCT", or "kind 77".
std::string KindName(uint32_t kind_number);

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_SCAN_H_
