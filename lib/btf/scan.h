// SPDX-License-Identifier: Apache-2.0
//
// The one parser of raw BTF: the header with its sections, and the walk that
// validates the type records. Btf::Parse, Base::Build and Base::Load all use
// it, so they accept and reject the same input. That is the input that libbpf's
// btf__new() and btf__new_split() accept and reject (Linux 7.2,
// tools/lib/bpf/btf.c).
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
  Header header;            // in host order; fields beyond hdr_len are 0
  bool foreign_endian;      // types and layout flags are still to be swapped
  bool known_header;        // no non-zero byte behind the last known field
  bool contiguous;          // serializing it unmodified gives the same bytes
  uint64_t types_offset;    // bytes from the start of the blob
  absl::string_view types;  // views into the blob
  absl::string_view layout;
  absl::string_view strings;
};

// Finds header, strings and layout. `split` says whether there is a parent.
absl::StatusOr<Sections> ParseSections(absl::string_view bytes, bool split,
                                       absl::string_view what);

// The records to be walked, and what else the walk has to know.
struct ScanInput {
  const uint32_t* words = nullptr;  // records back to back, in host order
  uint64_t count = 0;               // of words
  uint32_t left_over = 0;           // bytes behind the last whole word
  const TypeTable* parent = nullptr;
  uint32_t str_len = 0;      // of the own strings
  absl::string_view layout;  // the own one or the base's; may be empty
  bool foreign_endian = false;
  absl::string_view what;     // for errors
  uint64_t types_offset = 0;  // for errors: where words[0] was in the blob
};

struct ScanResult {
  uint32_t records = 0;
  bool unknown_kinds = false;
  bool dangling_ids = false;  // see Btf::has_dangling_ids()
};

// Writes each record's word offset, and then `count`, to `offsets`, which must
// have room for MaxRecords(count) + 1 entries. InvalidArgument names the first
// defect.
absl::StatusOr<ScanResult> ScanTypes(const ScanInput& input, uint32_t* offsets);
inline uint64_t MaxRecords(uint64_t words) { return words / 3; }

// Swap, in place, the bytes of each word, and of the flags of each layout
// entry.
void SwapWords(uint32_t* words, uint64_t count);
void SwapLayoutFlags(char* layout, uint64_t size);

// Makes the InvalidArgument error that every parser here returns.
absl::Status MalformedBtf(absl::string_view what, uint64_t offset,
                          absl::string_view defect);

// Returns "STRUCT", or for example "kind 77".
std::string KindName(uint32_t kind_number);

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_SCAN_H_
